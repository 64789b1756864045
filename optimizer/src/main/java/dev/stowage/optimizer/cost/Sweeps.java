package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.BatchShape;

/** How often things happen in a block. */
final class Sweeps {
  private Sweeps() {}

  /** Prompt tokens one sequence brings to a full chunk. */
  static int chunk(BatchShape batch) {
    return Math.min(batch.prefillChunk(), batch.promptTokens());
  }

  /** Sweeps of a phase: {@code ⌈s/c⌉}, or {@code n − 1}. */
  static int count(BatchShape batch, Phase phase) {
    return switch (phase) {
      case PREFILL -> (batch.promptTokens() + chunk(batch) - 1) / chunk(batch);
      case DECODE -> Math.max(0, batch.generateTokens() - 1);
    };
  }

  /** Tokens that one sequence brings to all sweeps of a phase. */
  static int tokens(BatchShape batch, Phase phase) {
    return switch (phase) {
      case PREFILL -> batch.promptTokens();
      case DECODE -> Math.max(0, batch.generateTokens() - 1);
    };
  }

  /** Prompt tokens one sequence brings to the given prefill sweep. */
  static int chunk(BatchShape batch, int sweep) {
    return Math.min(chunk(batch), batch.promptTokens() - sweep * chunk(batch));
  }

  /** {@code Σ min(max(x − from, 0), to − from)} over {@code x = first … first + count − 1}. */
  static double sumOfClipped(long first, long count, long from, long to) {
    long end = first + count;
    long risingFrom = Math.clamp(from, first, end);
    long risingTo = Math.clamp(to, risingFrom, end);
    double rising =
        (risingTo - risingFrom) * ((double) (risingFrom - from) + (risingTo - 1 - from)) / 2;
    return rising + (double) (end - risingTo) * (to - from);
  }
}
