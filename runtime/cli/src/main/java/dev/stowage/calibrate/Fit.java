package dev.stowage.calibrate;

import java.util.List;

/**
 * What a layer costs a pass whatever the work in it, fitted to short runs of whole models:
 *
 * <pre>
 * seconds = known + passes · latency
 * </pre>
 *
 * by least squares of the relative error; at least 0.
 *
 * @param passLatency seconds
 */
record Fit(double passLatency) {
  /**
   * One phase of a run.
   *
   * @param known seconds that measured rates account for
   * @param passes through a layer or the head
   * @param measured seconds
   */
  record Run(double known, double passes, double measured) {}

  static Fit of(List<Run> runs) {
    double squares = 0;
    double products = 0;
    for (var run : runs) {
      double passes = run.passes() / run.measured();
      squares += passes * passes;
      products += passes * (1 - run.known() / run.measured());
    }
    return new Fit(squares == 0 ? 0 : Math.max(0, products / squares));
  }

  /** The root of the mean square of relative errors. */
  double error(List<Run> runs) {
    double sum = 0;
    for (var run : runs) {
      double off = (run.known() + run.passes() * passLatency) / run.measured() - 1;
      sum += off * off;
    }
    return Math.sqrt(sum / runs.size());
  }
}
