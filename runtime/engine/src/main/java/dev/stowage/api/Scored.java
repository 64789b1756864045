package dev.stowage.api;

import java.util.List;

/**
 * How likely a model finds a text.
 *
 * @param ids the text's tokens
 * @param logprobs natural log-probability of every token but the first, given those before it
 */
public record Scored(List<Integer> ids, List<Double> logprobs) {
  public Scored {
    ids = List.copyOf(ids);
    logprobs = List.copyOf(logprobs);
  }

  /** The exponential of the mean negative log-probability; 1 for a text of one token. */
  public double perplexity() {
    return Math.exp(-logprobs.stream().mapToDouble(Double::doubleValue).average().orElse(0));
  }
}
