package dev.stowage.compiler.explain;

import dev.stowage.plan.Prediction;
import java.util.List;

/** A rate as predicted for a full block and as measured, in tokens a second. */
record Compared(String name, double predicted, double measured) {
  static List<Compared> of(Prediction predicted, Measured run) {
    return List.of(
        new Compared("prefill", predicted.prefillTokensPerSecond(), run.prefillTokensPerSecond()),
        new Compared("decode", predicted.decodeTokensPerSecond(), run.decodeTokensPerSecond()),
        new Compared(
            "throughput", predicted.throughputTokensPerSecond(), run.throughputTokensPerSecond()));
  }

  /** Measured over predicted. */
  double ratio() {
    return predicted > 0 ? measured / predicted : 0;
  }
}
