package dev.stowage.optimizer;

import dev.stowage.plan.BatchShape;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * The work that a block of sequences does, and the batch shapes that are allowed for it. Memory is
 * set aside for the longest; time is what the mean takes.
 *
 * @param promptTokens longest prompt; 1 or more
 * @param generateTokens most tokens generated for a prompt; 1 or more
 * @param meanPromptTokens 1 to {@code promptTokens}
 * @param meanGenerateTokens 1 to {@code generateTokens}
 * @param requests how many there are in all, if known: a block is then never larger than needed
 * @param sequences sequences in flight together (FlexGen's block size)
 * @param microBatches parts that take turns at a layer
 * @param prefillChunk most prompt tokens that one sequence brings to one sweep; choices beyond the
 *     prompt mean the whole prompt
 * @param staggered whether sequences begin one after another: see {@link BatchShape}
 */
public record Workload(
    int promptTokens,
    int generateTokens,
    int meanPromptTokens,
    int meanGenerateTokens,
    OptionalInt requests,
    Choices sequences,
    Choices microBatches,
    Choices prefillChunk,
    boolean staggered) {
  public Workload {
    Objects.requireNonNull(requests);
    if (promptTokens < 1 || generateTokens < 1 || requests.orElse(1) < 1) {
      throw new IllegalArgumentException(
          "a workload of %d prompt tokens, %d generated, %s requests"
              .formatted(promptTokens, generateTokens, requests));
    }
    Math.addExact(promptTokens, generateTokens);
    if (meanPromptTokens < 1
        || meanPromptTokens > promptTokens
        || meanGenerateTokens < 1
        || meanGenerateTokens > generateTokens) {
      throw new IllegalArgumentException(
          "means of %d prompt tokens and %d generated, for at most %d and %d"
              .formatted(meanPromptTokens, meanGenerateTokens, promptTokens, generateTokens));
    }
    if (sequences.from() < 1 || microBatches.from() < 1 || prefillChunk.from() < 1) {
      throw new IllegalArgumentException(
          "sequences %s, micro-batches %s and prefill chunk %s start at 1 or more"
              .formatted(sequences, microBatches, prefillChunk));
    }
    if (microBatches.from() > sequences.last()) {
      throw new IllegalArgumentException(
          "at least %d micro-batches of at most %d sequences"
              .formatted(microBatches.from(), sequences.last()));
    }
  }

  /** Work of which all requests are as long as the longest. */
  public Workload(
      int promptTokens,
      int generateTokens,
      OptionalInt requests,
      Choices sequences,
      Choices microBatches,
      Choices prefillChunk) {
    this(
        promptTokens,
        generateTokens,
        promptTokens,
        generateTokens,
        requests,
        sequences,
        microBatches,
        prefillChunk,
        false);
  }

  /** A block of requests of mean length: what time is counted for. */
  public BatchShape typical(BatchShape batch) {
    return new BatchShape(
        batch.sequences(),
        batch.microBatches(),
        Math.min(batch.promptTokens(), meanPromptTokens),
        Math.min(batch.generateTokens(), meanGenerateTokens),
        batch.prefillChunk(),
        batch.staggered());
  }
}
