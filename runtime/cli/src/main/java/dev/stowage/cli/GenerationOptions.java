package dev.stowage.cli;

import dev.stowage.runtime.sampler.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** How tokens are chosen, and when they end. */
final class GenerationOptions {
  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens for a prompt; default: what the plan says.")
  private Integer maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 always takes the likeliest token; default: ${DEFAULT-VALUE}.")
  private double temperature = 0;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draws among the K likeliest tokens; 0 for all; default: ${DEFAULT-VALUE}.")
  private int topK = 0;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Draws among the likeliest tokens that together have probability P; default: ${DEFAULT-VALUE}.")
  private double topP = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Same seed, same tokens; default: ${DEFAULT-VALUE}.")
  private long seed = 0;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends a text before TEXT; may be repeated.")
  private List<String> stops = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "Goes on where the model would end its text.")
  private boolean ignoreEos;

  /** What is asked for every prompt that does not say otherwise. */
  Generation generation() {
    return Generation.of(
        maxTokens == null ? OptionalInt.empty() : OptionalInt.of(maxTokens),
        temperature,
        topK,
        topP,
        seed,
        stops,
        OptionalInt.empty());
  }

  boolean ignoreEos() {
    return ignoreEos;
  }

  /**
   * What is asked for one prompt.
   *
   * @param maxTokens empty for what the plan says
   * @param logprobs if the log-probability of every token is wanted, and of how many of the
   *     likeliest beside it
   */
  record Generation(
      OptionalInt maxTokens, Sampling sampling, List<String> stops, OptionalInt logprobs) {
    Generation {
      stops = List.copyOf(stops);
    }

    static Generation of(
        OptionalInt maxTokens,
        double temperature,
        int topK,
        double topP,
        long seed,
        List<String> stops,
        OptionalInt logprobs) {
      if (maxTokens.orElse(0) < 0) {
        throw Failure.usage("cannot generate %d tokens".formatted(maxTokens.getAsInt()));
      }
      if (stops.stream().anyMatch(String::isEmpty)) {
        throw Failure.usage("a stop string has at least one character");
      }
      try {
        return new Generation(
            maxTokens, new Sampling(temperature, topK, topP, seed), stops, logprobs);
      } catch (IllegalArgumentException e) {
        throw Failure.usage(e.getMessage());
      }
    }
  }
}
