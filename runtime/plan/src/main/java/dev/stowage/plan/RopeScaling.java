package dev.stowage.plan;

/** How rotary frequencies are stretched for contexts longer than a model was first trained on. */
public sealed interface RopeScaling {
  /** Frequencies as they are. */
  record None() implements RopeScaling {}

  /** Position interpolation (Chen et al. 2023): every frequency divided by {@code factor}. */
  record Linear(double factor) implements RopeScaling {
    public Linear {
      requirePositive("factor", factor);
    }
  }

  /**
   * Llama 3.1's ({@code rope_type: llama3}): wavelengths above {@code originalPositions /
   * lowFrequencyFactor} are divided by {@code factor}, those below {@code originalPositions /
   * highFrequencyFactor} stay, between them the two are blended.
   */
  record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
      implements RopeScaling {
    public Llama3 {
      requirePositive("factor", factor);
      requirePositive("low_freq_factor", lowFrequencyFactor);
      requirePositive("original_max_position_embeddings", originalPositions);
      if (!(highFrequencyFactor > lowFrequencyFactor) || Double.isInfinite(highFrequencyFactor)) {
        throw new IllegalArgumentException(
            "high_freq_factor %s must exceed low_freq_factor %s"
                .formatted(highFrequencyFactor, lowFrequencyFactor));
      }
    }
  }

  /**
   * Every frequency divided by a number of its own, a vector {@code [headDim / 2]} among the
   * model's weights: how GGUF files store Llama 3.1's scaling.
   */
  record Factors() implements RopeScaling {}

  private static void requirePositive(String name, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "rope scaling %s must be positive, not %s".formatted(name, value));
    }
  }
}
