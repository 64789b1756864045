package dev.stowage.cli;

import dev.stowage.runtime.session.Metrics;

/**
 * What a run says of a plan's speed, in seconds and tokens a second; not a number where it measured
 * none. Times of one sequence follow from the rates by Little's law: as many sequences as ran
 * together, over tokens or requests a second.
 *
 * @param throughput generated tokens over the whole time
 * @param blockSeconds all of the run
 */
record Measured(
    double throughput,
    double prefillThroughput,
    double decodeThroughput,
    double blockSeconds,
    double tokenSeconds,
    double firstTokenSeconds,
    double requestSeconds) {
  /**
   * @param requests how many were run
   * @param slots how many the plan has room for at a time
   */
  static Measured of(Metrics metrics, int requests, int slots) {
    double seconds = metrics.prefillSeconds() + metrics.decodeSeconds();
    double together = Math.min(requests, slots);
    return new Measured(
        positive(metrics.throughputTokensPerSecond()),
        positive(metrics.prefillTokensPerSecond()),
        positive(metrics.decodeTokensPerSecond()),
        positive(seconds),
        together / positive(metrics.decodeTokensPerSecond()),
        positive(metrics.firstTokenSeconds()),
        positive(seconds) * together / requests);
  }

  private static double positive(double value) {
    return value > 0 ? value : Double.NaN;
  }
}
