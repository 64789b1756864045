package dev.stowage.optimizer;

/** The two parts of a block's life. */
public enum Phase {
  /** All prompts, chunk by chunk, up to the first generated token of each. */
  PREFILL,
  /** One token of every sequence a sweep. */
  DECODE;

  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
