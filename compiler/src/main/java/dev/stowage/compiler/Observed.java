package dev.stowage.compiler;

import dev.stowage.plan.ExecutablePlan;

/**
 * Speeds and times of a plan, as predicted for a full block or as a run measured them; not a number
 * where a run measured none.
 *
 * @param throughput generated tokens over the whole time, a second
 * @param prefillThroughput prompt tokens over the time of prefill, a second
 * @param decodeThroughput tokens after the first over the time of decoding, a second
 * @param blockSeconds prefill and decoding together
 * @param tokenSeconds from one token of a sequence to its next
 * @param firstTokenSeconds until the first token
 * @param requestSeconds of one request
 */
public record Observed(
    double throughput,
    double prefillThroughput,
    double decodeThroughput,
    double blockSeconds,
    double tokenSeconds,
    double firstTokenSeconds,
    double requestSeconds) {
  /** What the cost model expects of a plan. */
  public static Observed predicted(ExecutablePlan plan) {
    var predicted = plan.predicted();
    double block = predicted.prefillSeconds() + predicted.decodeSeconds();
    return new Observed(
        predicted.throughputTokensPerSecond(),
        predicted.prefillTokensPerSecond(),
        predicted.decodeTokensPerSecond(),
        block,
        predicted.decodeTokensPerSecond() > 0
            ? plan.batch().sequences() / predicted.decodeTokensPerSecond()
            : 0,
        predicted.prefillSeconds(),
        block);
  }
}
