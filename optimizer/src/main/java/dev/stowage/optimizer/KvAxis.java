package dev.stowage.optimizer;

/** Along which edge of the KV cache's box devices share it. */
public enum KvAxis {
  /**
   * Ranges of positions: of the prompt, the oldest tokens of every sequence lie on the slowest
   * device; of what is generated, the latest.
   */
  TOKENS,
  /** Ranges of key/value heads. */
  HEADS,
  /** Ranges of sequences. */
  SEQUENCES;

  /** The word of the language. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
