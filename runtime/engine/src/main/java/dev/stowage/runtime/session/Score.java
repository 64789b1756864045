package dev.stowage.runtime.session;

import java.util.List;

/**
 * How likely a model finds a text.
 *
 * @param logprobs natural log-probability of every token but the first, given those before it
 * @param top most likely tokens after the last, likeliest first
 */
public record Score(List<Double> logprobs, List<Candidate> top) {
  /** A token and its log-probability. */
  public record Candidate(int id, double logprob) {}

  public Score {
    logprobs = List.copyOf(logprobs);
    top = List.copyOf(top);
  }
}
