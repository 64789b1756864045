package dev.stowage.runtime.session;

import java.util.List;

/**
 * How likely the model found a token that it generated, before temperature, top-k and top-p.
 *
 * @param logprob natural log-probability of the token, given those before it
 * @param likeliest the likeliest tokens in its place, likeliest first, as many as asked for
 */
public record TokenLogprob(double logprob, List<Score.Candidate> likeliest) {
  public TokenLogprob {
    likeliest = List.copyOf(likeliest);
  }
}
