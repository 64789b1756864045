package dev.stowage.runtime.session;

import dev.stowage.runtime.sampler.Sampling;
import java.util.Arrays;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A prompt to continue.
 *
 * @param prompt token ids, at least one, special tokens included
 * @param maxTokens most tokens to generate; the plan's lengths are a further limit
 * @param stopIds ids that end a sequence (end-of-sequence tokens); not part of the output
 * @param sampling how a token is chosen
 * @param logprobs if the log-probability of every generated token is wanted, and of how many of the
 *     likeliest beside it
 */
public record Request(
    int[] prompt, int maxTokens, Set<Integer> stopIds, Sampling sampling, OptionalInt logprobs) {
  public Request {
    prompt = prompt.clone();
    stopIds = Set.copyOf(stopIds);
    Objects.requireNonNull(sampling);
    if (prompt.length == 0) {
      throw new IllegalArgumentException("a prompt has at least one token");
    }
    if (maxTokens < 0) {
      throw new IllegalArgumentException("cannot generate " + maxTokens + " tokens");
    }
    if (logprobs.orElse(0) < 0) {
      throw new IllegalArgumentException("the likeliest " + logprobs.getAsInt() + " tokens");
    }
  }

  /** Without log-probabilities. */
  public Request(int[] prompt, int maxTokens, Set<Integer> stopIds, Sampling sampling) {
    this(prompt, maxTokens, stopIds, sampling, OptionalInt.empty());
  }

  @Override
  public int[] prompt() {
    return prompt.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Request r
        && Arrays.equals(prompt, r.prompt)
        && maxTokens == r.maxTokens
        && stopIds.equals(r.stopIds)
        && sampling.equals(r.sampling)
        && logprobs.equals(r.logprobs);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(prompt) * 31 + maxTokens;
  }
}
