package dev.stowage.calibrate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Times pieces of work in interleaved rounds, each of every piece once, and guards against drift: a
 * reference is timed between every few pieces, and what lies between two of its times counts only
 * if both agree with the median of all. Rounds are run until every piece has as many times that
 * count as are wanted, up to a limit.
 *
 * <p>What then cannot be right, such as more work that takes less time, is warmed up and timed once
 * more: the faster of two medians counts, as nothing but chance and code that is not compiled yet
 * makes a piece slower than it is.
 *
 * @param wanted times of every piece that count
 * @param most rounds at all
 * @param bound how far, in parts, a reference may be from the median
 * @param deadlineNanos when no further round begins, on the clock
 */
record Rounds(
    int wanted,
    int most,
    double bound,
    long deadlineNanos,
    LongSupplier nanos,
    BooleanSupplier stop) {
  /** Pieces between two looks at the reference. */
  private static final int STRETCH = 8;

  /**
   * What came out.
   *
   * @param seconds the median of every piece, by name
   * @param stretches between two looks at the reference, in all rounds
   * @param discarded stretches that did not count
   * @param drift the largest part by which the reference was off around a stretch that counts
   * @param worst the same of all
   * @param steady whether every piece has as many times that count as are wanted
   * @param again pieces that were in doubt, and timed once more
   * @param doubtful those of them that still are
   */
  record Outcome(
      Map<String, Double> seconds,
      int stretches,
      int discarded,
      double drift,
      double worst,
      boolean steady,
      Set<String> again,
      Set<String> doubtful) {
    Outcome {
      seconds = Collections.unmodifiableMap(new LinkedHashMap<>(seconds));
      again = Collections.unmodifiableSet(new LinkedHashSet<>(again));
      doubtful = Collections.unmodifiableSet(new LinkedHashSet<>(doubtful));
    }
  }

  /**
   * One round.
   *
   * @param references seconds of the reference before every stretch, and after the last
   * @param seconds of every piece
   */
  private record Round(double[] references, double[] seconds) {
    int stretches() {
      return references.length - 1;
    }

    /** How far the reference was off around a stretch. */
    double drift(int stretch, double usual) {
      return Math.max(
          Math.abs(references[stretch] / usual - 1), Math.abs(references[stretch + 1] / usual - 1));
    }
  }

  /** Times the pieces, none of which is ever in doubt. */
  Outcome time(List<? extends Piece> pieces, Piece reference) {
    return time(pieces, reference, seconds -> Set.of());
  }

  /**
   * Times the pieces; at least one round is run, however late it is.
   *
   * @param doubt the names of pieces whose seconds cannot be right
   */
  Outcome time(
      List<? extends Piece> pieces,
      Piece reference,
      Function<Map<String, Double>, Set<String>> doubt) {
    reference.warmUp(nanos);
    pieces.forEach(piece -> piece.warmUp(nanos));
    var rounds = new ArrayList<Round>();
    while (rounds.isEmpty()
        || fewest(rounds, usual(rounds)) < wanted
            && rounds.size() < most
            && nanos.getAsLong() - deadlineNanos < 0) {
      rounds.add(round(pieces, reference));
    }
    double usual = usual(rounds);
    var medians = medians(pieces, rounds, usual, true);
    var again = doubt.apply(medians);
    if (!again.isEmpty()) {
      var some = pieces.stream().filter(piece -> again.contains(piece.name())).toList();
      medians.putAll(faster(some, reference, usual, medians));
    }
    var drifts = drifts(rounds, usual);
    var good = Arrays.stream(drifts).filter(drift -> drift <= bound).toArray();
    return new Outcome(
        medians,
        drifts.length,
        drifts.length - good.length,
        Arrays.stream(good.length == 0 ? drifts : good).max().orElse(0),
        Arrays.stream(drifts).max().orElse(0),
        fewest(rounds, usual) >= Math.min(wanted, rounds.size()),
        again,
        again.isEmpty() ? Set.of() : doubt.apply(medians));
  }

  /**
   * Warms pieces up and times them once more.
   *
   * @param usual seconds of the reference, while the medians were timed
   */
  private Map<String, Double> faster(
      List<? extends Piece> pieces, Piece reference, double usual, Map<String, Double> medians) {
    pieces.forEach(piece -> piece.warmUp(nanos));
    var rounds = new ArrayList<Round>();
    do {
      rounds.add(round(pieces, reference));
    } while (rounds.size() < most && fewest(rounds, usual) < wanted);
    var faster = medians(pieces, rounds, usual, false);
    faster.replaceAll((name, seconds) -> Math.min(seconds, medians.get(name)));
    return faster;
  }

  private Round round(List<? extends Piece> pieces, Piece reference) {
    if (stop.getAsBoolean()) {
      throw new CalibrationException("interrupted");
    }
    var references = new double[Math.ceilDiv(pieces.size(), STRETCH) + 1];
    var seconds = new double[pieces.size()];
    for (int i = 0; i < seconds.length; i++) {
      if (i % STRETCH == 0) {
        references[i / STRETCH] = reference.seconds(nanos);
      }
      seconds[i] = pieces.get(i).seconds(nanos);
    }
    references[references.length - 1] = reference.seconds(nanos);
    return new Round(references, seconds);
  }

  /**
   * Medians of the times that count.
   *
   * @param all whether all times of a piece count where none lies in a steady stretch
   */
  private Map<String, Double> medians(
      List<? extends Piece> pieces, List<Round> rounds, double usual, boolean all) {
    var medians = new LinkedHashMap<String, Double>();
    for (int i = 0; i < pieces.size(); i++) {
      int piece = i;
      var counted = rounds.stream().filter(r -> r.drift(piece / STRETCH, usual) <= bound).toList();
      if (counted.isEmpty() && !all) {
        continue; // the machine is another than it was
      }
      var times = counted.isEmpty() ? rounds : counted;
      double median = median(times.stream().mapToDouble(r -> r.seconds()[piece]).toArray());
      if (!(median > 0)) {
        throw new CalibrationException(
            "the clock does not tell how long '%s' takes".formatted(pieces.get(i).name()));
      }
      medians.put(pieces.get(i).name(), median);
    }
    return medians;
  }

  /** How many times count of the piece with the fewest. */
  private int fewest(List<Round> rounds, double usual) {
    int fewest = rounds.size();
    for (int stretch = 0; stretch < rounds.getFirst().stretches(); stretch++) {
      int at = stretch;
      fewest =
          Math.min(fewest, (int) rounds.stream().filter(r -> r.drift(at, usual) <= bound).count());
    }
    return fewest;
  }

  private static double[] drifts(List<Round> rounds, double usual) {
    return rounds.stream()
        .flatMapToDouble(r -> IntStream.range(0, r.stretches()).mapToDouble(i -> r.drift(i, usual)))
        .toArray();
  }

  private static double usual(List<Round> rounds) {
    return median(rounds.stream().flatMapToDouble(r -> Arrays.stream(r.references())).toArray());
  }

  /** The middle value; between two, their mean. */
  static double median(double[] values) {
    var sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
