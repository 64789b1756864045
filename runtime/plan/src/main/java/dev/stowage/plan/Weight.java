package dev.stowage.plan;

/**
 * The weight matrices a plan places, row by row. A matrix is {@code [rows, columns]}, row-major, as
 * Hugging Face stores it ({@code out = x · Wᵀ}), so a row yields one output and rows can lie
 * anywhere. Vectors (norms, biases) are not placed: they lie where the compute is.
 */
public enum Weight {
  TOKENS("embed.tokens", Group.EMBED),
  POSITIONS("embed.positions", Group.EMBED),
  PROJECT_IN("embed.project", Group.EMBED),
  Q("attn.q", Group.ATTENTION),
  K("attn.k", Group.ATTENTION),
  V("attn.v", Group.ATTENTION),
  O("attn.o", Group.ATTENTION),
  GATE("mlp.gate", Group.MLP),
  UP("mlp.up", Group.MLP),
  DOWN("mlp.down", Group.MLP),
  PROJECT_OUT("head.project", Group.HEAD),
  HEAD("head.logits", Group.HEAD);

  /** What the placement decides over as one class. */
  public enum Group {
    EMBED,
    ATTENTION,
    MLP,
    HEAD
  }

  private final String word;
  private final Group group;

  Weight(String word, Group group) {
    this.word = word;
    this.group = group;
  }

  /** The word of the language's selectors and of the plan's text. */
  public String word() {
    return word;
  }

  public Group group() {
    return group;
  }

  /** Whether every layer has one. */
  public boolean perLayer() {
    return group == Group.ATTENTION || group == Group.MLP;
  }
}
