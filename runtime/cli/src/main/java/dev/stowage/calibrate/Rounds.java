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

/**
 * Times pieces of work in interleaved rounds, each of every piece once, and guards against drift: a
 * reference is timed before and after every round, and a round counts only if both agree with the
 * median of all references. Rounds that do not count are run again, up to a limit.
 *
 * <p>What then cannot be right, such as more work that takes less time, is warmed up and timed once
 * more: the faster of two medians counts, as nothing but chance and code that is not compiled yet
 * makes a piece slower than it is.
 *
 * @param wanted rounds that count
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
  /**
   * What came out.
   *
   * @param seconds the median of every piece, by name
   * @param rounds that were run
   * @param discarded rounds that did not count
   * @param drift the largest part by which a reference was off in a round that counts
   * @param worst the same of all rounds
   * @param steady whether all rounds wanted stayed within the bound
   * @param again pieces that were in doubt, and timed once more
   * @param doubtful those of them that still are
   */
  record Outcome(
      Map<String, Double> seconds,
      int rounds,
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

  private record Round(double before, double after, double[] seconds) {
    double drift(double usual) {
      return Math.max(Math.abs(before / usual - 1), Math.abs(after / usual - 1));
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
        || steady(rounds, usual(rounds)).size() < wanted
            && rounds.size() < most
            && nanos.getAsLong() - deadlineNanos < 0) {
      rounds.add(round(pieces, reference));
    }
    double usual = usual(rounds);
    var good = steady(rounds, usual);
    boolean steady = good.size() >= Math.min(wanted, rounds.size());
    var counted = good.isEmpty() ? rounds : good;
    var medians = medians(pieces, counted);
    var again = doubt.apply(medians);
    if (!again.isEmpty()) {
      var some = pieces.stream().filter(piece -> again.contains(piece.name())).toList();
      medians.putAll(faster(some, reference, usual, medians));
    }
    return new Outcome(
        medians,
        rounds.size(),
        rounds.size() - good.size(),
        counted.stream().mapToDouble(r -> r.drift(usual)).max().orElse(0),
        rounds.stream().mapToDouble(r -> r.drift(usual)).max().orElse(0),
        steady,
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
    while (rounds.size() < most && steady(rounds, usual).size() < wanted) {
      rounds.add(round(pieces, reference));
    }
    var good = steady(rounds, usual);
    if (good.isEmpty()) {
      return Map.of(); // the machine is another than it was
    }
    var faster = medians(pieces, good);
    faster.replaceAll((name, seconds) -> Math.min(seconds, medians.get(name)));
    return faster;
  }

  private Round round(List<? extends Piece> pieces, Piece reference) {
    if (stop.getAsBoolean()) {
      throw new CalibrationException("interrupted");
    }
    double before = reference.seconds(nanos);
    var seconds = pieces.stream().mapToDouble(piece -> piece.seconds(nanos)).toArray();
    return new Round(before, reference.seconds(nanos), seconds);
  }

  private static Map<String, Double> medians(List<? extends Piece> pieces, List<Round> rounds) {
    var medians = new LinkedHashMap<String, Double>();
    for (int i = 0; i < pieces.size(); i++) {
      int piece = i;
      double median = median(rounds.stream().mapToDouble(r -> r.seconds()[piece]).toArray());
      if (!(median > 0)) {
        throw new CalibrationException(
            "the clock does not tell how long '%s' takes".formatted(pieces.get(i).name()));
      }
      medians.put(pieces.get(i).name(), median);
    }
    return medians;
  }

  private List<Round> steady(List<Round> rounds, double usual) {
    return rounds.stream().filter(round -> round.drift(usual) <= bound).toList();
  }

  private static double usual(List<Round> rounds) {
    return median(
        rounds.stream()
            .flatMapToDouble(r -> Arrays.stream(new double[] {r.before, r.after}))
            .toArray());
  }

  /** The middle value; between two, their mean. */
  static double median(double[] values) {
    var sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
