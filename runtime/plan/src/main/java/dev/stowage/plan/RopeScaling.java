package dev.stowage.plan;

/** How rotary frequencies are stretched for long contexts. */
public sealed interface RopeScaling {
  /** Frequencies as they are. */
  record None() implements RopeScaling {}

  /** Every frequency divided by {@code factor}. */
  record Linear(double factor) implements RopeScaling {}

  /** Llama 3's: low frequencies divided by {@code factor}, high ones kept, smooth between. */
  record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
      implements RopeScaling {}
}
