package dev.stowage.csd.kernel;

/**
 * One query over the keys and values of one page, with a running softmax (online softmax, Milakov
 * and Gimelshein 2018; page by page as in FlashAttention). For the page's keys {@code t}:
 *
 * <pre>
 * s_t = scale · q·k_t       m' = max(m, max_t s_t)       p_t = exp(s_t − m')
 * l' = l · exp(m − m') + Σ p_t                           o' = o · exp(m − m') + Σ p_t v_t
 * </pre>
 *
 * A partial result before its first key is {@code m = −∞, l = 0, o = 0}.
 *
 * <p>Implementations agree with {@link ScalarPageAttention} within 1e-5 relative on l and on {@code
 * m − scale · |q| · |k|}, and 1e-5 of {@code Σ p_t |v_t|} on o.
 */
public interface PageAttention {
  /**
   * Adds keys {@code from ≤ t < to}.
   *
   * @param q the query, {@code [d]} at {@code qAt}
   * @param k keys {@code [·, d]}
   * @param v values {@code [·, d]}
   * @param scores scratch, at least {@code to − from}
   * @param o un-normalised output, {@code [d]} at {@code oAt}
   * @param state m at {@code stateAt}, l after it
   */
  void add(
      float[] q,
      int qAt,
      float[] k,
      float[] v,
      int from,
      int to,
      int d,
      float scale,
      float[] scores,
      float[] o,
      int oAt,
      float[] state,
      int stateAt);
}
