package dev.stowage.plan;

/**
 * Attention of decode that reads a part of a KV region only: SparF's (InstAttention, HPCA 2025,
 * algorithm 1) and SparQ's (arXiv 2312.04985) two steps. Approximate scores from the {@code
 * channels} largest components of a query choose the {@code tokens} that attention then reads
 * whole; the mean of all values stands for the rest. The rows of a prompt attend to all keys.
 *
 * @param channels components of a query that choose, 1 or more
 * @param tokenShare the part of the stored tokens that attention reads, over 0 and up to 1
 */
public record Sparsity(int channels, double tokenShare) {
  /**
   * Of so many tokens chosen, one is chosen for being recent (SparQ's local window, a quarter of
   * {@code k}).
   */
  public static final int RECENT_PART = 4;

  public Sparsity {
    if (channels < 1 || !(tokenShare > 0 && tokenShare <= 1)) {
      throw new IllegalArgumentException(
          "sparse attention over %d channels and a share %s of the tokens"
              .formatted(channels, tokenShare));
    }
  }

  /**
   * The parameters that move a share of the bytes of dense attention: half of them to choose, half
   * to read (SparQ, section 3: {@code r = d·share}, {@code k = S·share/2}).
   *
   * @param share of the bytes, over 0 and up to 1
   */
  public static Sparsity ofBytes(double share, int headDim) {
    return new Sparsity(Math.clamp(Math.round(headDim * share), 1, headDim), share / 2);
  }

  /** Tokens that attention reads of so many stored ones: at least one. */
  public int tokensOf(int stored) {
    return (int) Math.max(Math.min(1, stored), Math.round(stored * tokenShare));
  }
}
