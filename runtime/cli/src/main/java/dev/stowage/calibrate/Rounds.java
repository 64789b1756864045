package dev.stowage.calibrate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Times pieces of work in interleaved rounds, each of every piece once, and guards against drift: a
 * reference is timed before and after every round, and a round counts only if both agree with the
 * median of all references. Rounds that do not count are run again, up to a limit.
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
   */
  record Outcome(
      Map<String, Double> seconds,
      int rounds,
      int discarded,
      double drift,
      double worst,
      boolean steady) {
    Outcome {
      seconds = Collections.unmodifiableMap(new LinkedHashMap<>(seconds));
    }
  }

  private record Round(double before, double after, double[] seconds) {
    double drift(double usual) {
      return Math.max(Math.abs(before / usual - 1), Math.abs(after / usual - 1));
    }
  }

  /** Times the pieces; at least one round is run, however late it is. */
  Outcome time(List<? extends Piece> pieces, Piece reference) {
    reference.warmUp(nanos);
    pieces.forEach(piece -> piece.warmUp(nanos));
    var rounds = new ArrayList<Round>();
    while (rounds.isEmpty()
        || steady(rounds).size() < wanted
            && rounds.size() < most
            && nanos.getAsLong() - deadlineNanos < 0) {
      if (stop.getAsBoolean()) {
        throw new CalibrationException("interrupted");
      }
      double before = reference.seconds(nanos);
      var seconds = pieces.stream().mapToDouble(piece -> piece.seconds(nanos)).toArray();
      rounds.add(new Round(before, reference.seconds(nanos), seconds));
    }
    var good = steady(rounds);
    boolean steady = good.size() >= Math.min(wanted, rounds.size());
    var counted = good.isEmpty() ? rounds : good;
    double usual = usual(rounds);
    var medians = new LinkedHashMap<String, Double>();
    for (int i = 0; i < pieces.size(); i++) {
      int piece = i;
      double median = median(counted.stream().mapToDouble(r -> r.seconds()[piece]).toArray());
      if (!(median > 0)) {
        throw new CalibrationException(
            "the clock does not tell how long '%s' takes".formatted(pieces.get(i).name()));
      }
      medians.put(pieces.get(i).name(), median);
    }
    return new Outcome(
        medians,
        rounds.size(),
        rounds.size() - good.size(),
        counted.stream().mapToDouble(r -> r.drift(usual)).max().orElse(0),
        rounds.stream().mapToDouble(r -> r.drift(usual)).max().orElse(0),
        steady);
  }

  private List<Round> steady(List<Round> rounds) {
    double usual = usual(rounds);
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
