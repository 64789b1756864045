package dev.stowage.plan;

/**
 * How many sequences run together and how far they go.
 *
 * @param sequences slots for sequences that are in flight together (FlexGen's block size)
 * @param microBatches parts of the block that take turns at a layer; at most {@code sequences}
 * @param promptTokens longest prompt
 * @param generateTokens most tokens generated for one prompt
 * @param prefillChunk most prompt tokens that one sequence contributes to one sweep
 */
public record BatchShape(
    int sequences, int microBatches, int promptTokens, int generateTokens, int prefillChunk) {
  public BatchShape {
    if (sequences < 1 || microBatches < 1 || microBatches > sequences) {
      throw new IllegalArgumentException(
          "%d micro-batches of %d sequences".formatted(microBatches, sequences));
    }
    if (promptTokens < 1 || generateTokens < 0 || prefillChunk < 1) {
      throw new IllegalArgumentException(
          "prompt %d, generate %d, prefill chunk %d"
              .formatted(promptTokens, generateTokens, prefillChunk));
    }
    Math.addExact(promptTokens, generateTokens);
    Math.multiplyExact(
        (sequences + microBatches - 1) / microBatches, Math.min(prefillChunk, promptTokens));
  }

  /** Positions of one sequence's KV cache: the last generated token is never fed back. */
  public int tokens() {
    return Math.max(promptTokens, promptTokens + generateTokens - 1);
  }

  /** Tokens to generate after a prompt where nothing else is said: as planned, if they fit. */
  public int generateTokensAfter(int prompt) {
    return Math.max(1, Math.min(Math.max(1, generateTokens), tokens() - prompt + 1));
  }

  /** Sequences of the largest micro-batch; micro-batch {@code i} holds slots {@link #slots}. */
  public int sequencesPerMicroBatch() {
    return (sequences + microBatches - 1) / microBatches;
  }

  /** Activation rows that one pass may hold. */
  public int rowsPerPass() {
    return sequencesPerMicroBatch() * Math.min(prefillChunk, promptTokens);
  }

  /** The slots of one micro-batch: near-equal parts, larger ones first. */
  public Range slots(int microBatch) {
    int small = sequences / microBatches;
    int larger = sequences % microBatches;
    int from = microBatch * small + Math.min(microBatch, larger);
    return new Range(from, from + small + (microBatch < larger ? 1 : 0));
  }
}
