package dev.stowage.plan;

/**
 * How many sequences run together and how far they go.
 *
 * @param sequences slots for sequences that are in flight together (FlexGen's block size)
 * @param microBatches parts of the block that take turns at a layer; at most {@code sequences}
 * @param promptTokens longest prompt
 * @param generateTokens most tokens generated for one prompt
 * @param prefillChunk most prompt tokens that one sequence contributes to one sweep
 * @param staggered whether sequences begin one after another, so that they are of all ages
 *     (FlexGen's diagonal block schedule), and not as many together as there are slots
 */
public record BatchShape(
    int sequences,
    int microBatches,
    int promptTokens,
    int generateTokens,
    int prefillChunk,
    boolean staggered) {
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

  /** A block whose sequences begin together. */
  public BatchShape(
      int sequences, int microBatches, int promptTokens, int generateTokens, int prefillChunk) {
    this(sequences, microBatches, promptTokens, generateTokens, prefillChunk, false);
  }

  /** The same block, its sequences begun together. */
  public BatchShape together() {
    return new BatchShape(sequences, microBatches, promptTokens, generateTokens, prefillChunk);
  }

  /** Positions of one sequence's KV cache: the last generated token is never fed back. */
  public int tokens() {
    return Math.max(promptTokens, promptTokens + generateTokens - 1);
  }

  /** Sweeps of the longest sequence: its prompt's chunks, the last of which yields a token. */
  public int sweeps() {
    return sweeps(promptTokens, tokens());
  }

  /**
   * Sweeps of a sequence: one for each chunk of its prompt, then one a token.
   *
   * @param tokens positions that it has stored at its end
   */
  public int sweeps(int prompt, int tokens) {
    return Math.ceilDiv(prompt, prefillChunk) + tokens - prompt;
  }

  /** Positions that the longest sequence has stored after so many sweeps. */
  public int storedAfter(int sweeps) {
    return storedAfter(promptTokens, sweeps);
  }

  /** Positions that a sequence with such a prompt has stored after so many sweeps. */
  public int storedAfter(int prompt, int sweeps) {
    int chunks = Math.ceilDiv(prompt, prefillChunk);
    return sweeps < chunks ? sweeps * prefillChunk : prompt + sweeps - chunks;
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
