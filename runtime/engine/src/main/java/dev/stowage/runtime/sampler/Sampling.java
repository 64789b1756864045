package dev.stowage.runtime.sampler;

/**
 * How tokens are chosen.
 *
 * @param temperature divides the logits; 0 always takes the most likely token
 * @param topK only so many of the most likely tokens may be drawn; 0 for all
 * @param topP only the smallest set of most likely tokens that together have this probability,
 *     after top-k, may be drawn; 1 for all
 * @param seed same seed, same tokens
 */
public record Sampling(double temperature, int topK, double topP, long seed) {
  /** Always the most likely token. */
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

  public Sampling {
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException("a temperature is 0 or more, not " + temperature);
    }
    if (topK < 0) {
      throw new IllegalArgumentException("top-k is 1 or more, or 0 for all tokens, not " + topK);
    }
    if (!(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("top-p is above 0 and at most 1, not " + topP);
    }
  }
}
