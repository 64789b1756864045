package dev.stowage.api;

import dev.stowage.runtime.sampler.Sampling;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * How a text is continued.
 *
 * @param maxTokens most tokens, 0 or more; empty for as many as the plan was made for
 * @param sampling how a token is chosen
 * @param stops texts that end the continuation and are no part of it
 * @param ignoreEnd goes on where the model would end its text
 */
public record GenerateOptions(
    OptionalInt maxTokens, Sampling sampling, List<String> stops, boolean ignoreEnd) {
  public GenerateOptions {
    Objects.requireNonNull(maxTokens);
    Objects.requireNonNull(sampling);
    stops = List.copyOf(stops);
    if (maxTokens.orElse(0) < 0) {
      throw new IllegalArgumentException("cannot generate " + maxTokens.getAsInt() + " tokens");
    }
    if (stops.stream().anyMatch(String::isEmpty)) {
      throw new IllegalArgumentException("a stop text has at least one character");
    }
  }

  /** Always the likeliest token, until the model or the plan's length ends the text. */
  public static GenerateOptions greedy() {
    return new GenerateOptions(OptionalInt.empty(), Sampling.GREEDY, List.of(), false);
  }

  /** The same, with at most so many tokens. */
  public GenerateOptions withMaxTokens(int most) {
    return new GenerateOptions(OptionalInt.of(most), sampling, stops, ignoreEnd);
  }

  /** The same, with tokens drawn so. */
  public GenerateOptions withSampling(Sampling other) {
    return new GenerateOptions(maxTokens, other, stops, ignoreEnd);
  }

  /** The same, ending before any of these texts. */
  public GenerateOptions withStops(String... texts) {
    return new GenerateOptions(maxTokens, sampling, List.of(texts), ignoreEnd);
  }

  /** The same, going on where the model would end its text. */
  public GenerateOptions ignoringEnd() {
    return new GenerateOptions(maxTokens, sampling, stops, true);
  }
}
