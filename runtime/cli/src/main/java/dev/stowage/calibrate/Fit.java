package dev.stowage.calibrate;

import java.util.List;

/**
 * What passes cost beside products and attention, fitted to short runs of whole models:
 *
 * <pre>
 * seconds = known + passes · latency + bytes / elementwise
 * </pre>
 *
 * by least squares of the relative error, both terms at least 0.
 *
 * @param passLatency seconds
 * @param secondsPerByte of activations
 */
record Fit(double passLatency, double secondsPerByte) {
  /**
   * One phase of a run.
   *
   * @param known seconds that curves account for
   * @param passes through a layer or the head
   * @param bytes of activations
   * @param measured seconds
   */
  record Run(double known, double passes, double bytes, double measured) {}

  static Fit of(List<Run> runs) {
    var both = solve(runs, true, true);
    if (both.passLatency() >= 0 && both.secondsPerByte() >= 0) {
      return both;
    }
    var latency = solve(runs, true, false);
    var bytes = solve(runs, false, true);
    var one = new Fit(Math.max(0, latency.passLatency()), 0);
    var other = new Fit(0, Math.max(0, bytes.secondsPerByte()));
    return one.error(runs) <= other.error(runs) ? one : other;
  }

  /** The sum of the squares of relative errors. */
  double error(List<Run> runs) {
    double sum = 0;
    for (var run : runs) {
      double predicted = run.known() + run.passes() * passLatency + run.bytes() * secondsPerByte;
      double off = predicted / run.measured() - 1;
      sum += off * off;
    }
    return sum;
  }

  private static Fit solve(List<Run> runs, boolean withPasses, boolean withBytes) {
    double pp = 0;
    double pb = 0;
    double bb = 0;
    double py = 0;
    double by = 0;
    for (var run : runs) {
      double p = withPasses ? run.passes() / run.measured() : 0;
      double b = withBytes ? run.bytes() / run.measured() : 0;
      double y = 1 - run.known() / run.measured();
      pp += p * p;
      pb += p * b;
      bb += b * b;
      py += p * y;
      by += b * y;
    }
    if (!withBytes || bb == 0) {
      return new Fit(pp == 0 ? 0 : py / pp, 0);
    }
    if (!withPasses || pp == 0) {
      return new Fit(0, by / bb);
    }
    double determinant = pp * bb - pb * pb;
    if (!(determinant > 1e-9 * pp * bb)) {
      return new Fit(py / pp, 0); // the runs do not tell the two apart
    }
    return new Fit((py * bb - by * pb) / determinant, (by * pp - py * pb) / determinant);
  }
}
