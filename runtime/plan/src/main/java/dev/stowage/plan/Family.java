package dev.stowage.plan;

/** The model families, by Hugging Face's {@code model_type}. */
public enum Family {
  OPT,
  LLAMA,
  MISTRAL,
  QWEN2,
  QWEN3;

  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  /**
   * OPT: layer norm with bias, learned positions, ReLU. The others: RMS norm, rotary positions,
   * SwiGLU.
   */
  public boolean isOpt() {
    return this == OPT;
  }
}
