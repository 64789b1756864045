package dev.stowage.plan;

/**
 * What one decode step of sparse attention reads of one head's {@code S} stored tokens on flash, in
 * pages of {@code P} bytes. With rows of {@code d} numbers, {@code g} rows and {@code n} numbers a
 * page, {@code r} channels and a share {@code p} of the tokens chosen:
 *
 * <pre>
 * m            channels of a page: the m of 1, 2, 4, 8 that divides d and makes `choosing` least
 * c = n / m    tokens of a channel page
 * choosing     ⌊S/c⌋ · d/m · (1 − (1 − r/d)^m)   channel pages that hold a chosen channel,
 *              + (S mod c) / g                    key pages of the tokens that do not fill a channel page yet
 * reading      S/g · (1 − (1 − p)^(g · 0.417))    key pages with a chosen token, and as many of values
 * dense        2 · S/g
 * </pre>
 *
 * Channels are taken to be chosen at random. Chosen tokens cluster: a page of 16 counts like 6.7
 * independent ones, fitted so that an eighth of the bytes costs 0.467 of dense flash time, as
 * InstAttention's scaling over 20 drives implies. Where attention reads all tokens nothing is
 * chosen.
 *
 * @param channelsOfPage m
 * @param choosing pages read to choose
 * @param reading pages of chosen tokens
 * @param dense pages that attention over all tokens reads
 */
public record SparseReads(int channelsOfPage, double choosing, double reading, double dense) {
  private static final int MOST_CHANNELS = 8;
  private static final double CLUSTERED = 0.417;

  /**
   * Reads of one step.
   *
   * @param type of single numbers: F32, F16 or BF16
   * @param stored tokens of the region that the step finds, at least 1
   * @param longest most tokens of the region, by which m is fixed
   */
  public static SparseReads of(
      Sparsity sparsity, int headDim, ElementType type, int pageBytes, int stored, int longest) {
    double numbers = (double) pageBytes / type.bytes();
    double rows = numbers / headDim;
    int m = channelsOfPage(sparsity.channels(), headDim, (int) numbers, longest);
    double dense = 2 * stored / rows;
    if (sparsity.tokensOf(stored) >= stored) {
      return new SparseReads(m, 0, dense, dense);
    }
    double chosen = Math.max(1, rows * CLUSTERED);
    double reading = dense * (1 - Math.pow(1 - sparsity.tokenShare(), chosen));
    return new SparseReads(
        m, choosing(sparsity.channels(), headDim, (int) numbers, m, stored), reading, dense);
  }

  /**
   * Channels that share a page of a region: few read little that is not wanted, many let a page
   * fill early.
   *
   * @param numbers of a page
   * @param tokens most tokens of the region
   */
  public static int channelsOfPage(int channels, int headDim, int numbers, int tokens) {
    int best = 1;
    for (int m = 2; m <= MOST_CHANNELS && m <= numbers; m *= 2) {
      if (headDim % m == 0
          && meanChoosing(channels, headDim, numbers, m, tokens)
              < meanChoosing(channels, headDim, numbers, best, tokens)) {
        best = m;
      }
    }
    return best;
  }

  /** Part of the pages of attention over all tokens that a step reads. */
  public double share() {
    return dense == 0 ? 1 : (choosing + reading) / dense;
  }

  /** Over lengths from nothing to all tokens. */
  private static double meanChoosing(int channels, int headDim, int numbers, int m, int tokens) {
    int lengths = 16;
    double sum = 0;
    for (int i = 1; i <= lengths; i++) {
      sum += choosing(channels, headDim, numbers, m, (int) ((long) tokens * i / lengths));
    }
    return sum;
  }

  private static double choosing(int channels, int headDim, int numbers, int m, int stored) {
    int tokens = numbers / m;
    int full = stored / tokens;
    double part = 1 - Math.pow(Math.max(0, 1 - (double) channels / headDim), m);
    return (double) full * headDim / m * part
        + (double) (stored - full * tokens) * headDim / numbers;
  }
}
