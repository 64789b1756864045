package dev.stowage.optimizer.flexgen;

/**
 * Seconds of a policy by FlexGen's formulas (section 4.3; the released code's constants and sums).
 *
 * @param prefill seconds of one layer for the whole block, all prompt tokens
 * @param decode seconds of one layer for the whole block, one token each
 * @param totalSeconds {@code (Tpre + Tgen · (n − 1)) · l}
 * @param throughputTokensPerSecond {@code bls · n / total}
 */
public record FlexGenCost(
    Terms prefill, Terms decode, double totalSeconds, double throughputTokensPerSecond) {
  /**
   * What each of FlexGen's five resources takes, in seconds: copies from cpu to gpu and back, reads
   * and writes of the disk, compute.
   */
  public record Terms(double ctog, double gtoc, double dtoc, double ctod, double comp) {}

  /** How the terms of a phase add up. */
  public enum Overlap {
    /** The paper's: everything overlaps. */
    PAPER,
    /** The released code's: uploads wait for disk reads, and decode for uploads of weights. */
    RELEASED
  }

  /**
   *
   *
   * <pre>
   * prefill  ctog = [ wi·(wc + wd) + 2·s·h1·bls·(hc + hd) ] / ctog_bw
   *          gtoc = 4·(s + 1)·h1·bls·(cc + cd) / gtoc_bw_cache + 2·s·h1·bls·(hc + hd) / gtoc_bw_hidden
   *          dtoc = [ wi·wd + 2·s·h1·bls·hd ] / dtoc_bw
   *          ctod = 4·bls·(s + 1)·h1·cd / ctod_bw_cache_p + 2·s·h1·bls·hd / ctod_bw_hidden_p
   *          comp = bls·(8·s·h1² + 4·s·h1·h2) / mm_flops_p + 4·bls·s²·h1 / bmm_flops_p
   * decode   ctog = [ wi·(wc + wd) + 2·h1·bls·(hc + hd) ] / ctog_bw
   *          gtoc = 2·h1·bls·(hc + hd) / gtoc_bw_hidden
   *          dtoc = [ 4·bls·(s + n/2)·h1·cd + 2·h1·bls·hd ] / dtoc_bw + wi·wd / (0.95·dtoc_bw)
   *          ctod = [ 4·bls·h1·cd + 2·h1·bls·hd ] / ctod_bw_g
   *          comp = bls·(8·h1² + 4·h1·h2) / mm_flops_g + 4·bls·(s + n/2)·h1·cg / bmm_flops_g
   *               + 4·bls·(s + n/2)·h1·(cc + cd) / cpu_flops*
   * </pre>
   */
  public static FlexGenCost of(
      FlexGenWork work, FlexGenPolicy policy, FlexGenConstants constants, Overlap overlap) {
    double h = work.hidden();
    double s = work.prompt();
    double n = work.generate();
    double block = policy.block();
    double wi = work.layerBytes(policy.compressWeights());
    var w = policy.weights();
    var c = policy.cache();
    var a = policy.hidden();
    double mlp = work.ffn() * h;

    var prefill =
        new Terms(
            (wi * (w.cpu() + w.disk()) + 2 * s * h * block * (a.cpu() + a.disk()))
                / constants.of("ctog_bw"),
            4 * (s + 1) * h * block * (c.cpu() + c.disk()) / constants.of("gtoc_bw_cache")
                + 2 * s * h * block * (a.cpu() + a.disk()) / constants.of("gtoc_bw_hidden"),
            (wi * w.disk() + 2 * s * h * block * a.disk()) / constants.of("dtoc_bw"),
            4 * block * (s + 1) * h * c.disk() / constants.of("ctod_bw_cache_p")
                + 2 * s * h * block * a.disk() / constants.of("ctod_bw_hidden_p"),
            block * (8 * s * h * h + 4 * s * mlp) / constants.of("mm_flops_p")
                + 4 * block * s * s * h / constants.of("bmm_flops_p"));
    double attended = 4 * block * (s + n / 2) * h;
    var decode =
        new Terms(
            (wi * (w.cpu() + w.disk()) + 2 * h * block * (a.cpu() + a.disk()))
                / constants.of("ctog_bw"),
            2 * h * block * (a.cpu() + a.disk()) / constants.of("gtoc_bw_hidden"),
            (attended * c.disk() + 2 * h * block * a.disk()) / constants.of("dtoc_bw")
                + wi * w.disk() / (0.95 * constants.of("dtoc_bw")),
            (4 * block * h * c.disk() + 2 * h * block * a.disk()) / constants.of("ctod_bw_g"),
            block * (8 * h * h + 4 * mlp) / constants.of("mm_flops_g")
                + attended * c.gpu() / constants.of("bmm_flops_g")
                + attended
                    * (c.cpu() + c.disk())
                    / constants.cpuFlops(policy.batchSize(), work.hidden()));
    double total =
        work.layers()
            * (prefillSeconds(prefill, overlap) + (n - 1) * decodeSeconds(decode, overlap));
    return new FlexGenCost(prefill, decode, total, block * n / total);
  }

  private static double prefillSeconds(Terms t, Overlap overlap) {
    return switch (overlap) {
      case PAPER -> longest(t.ctog(), t.gtoc(), t.dtoc(), t.ctod(), t.comp());
      case RELEASED -> longest(t.ctog() + t.dtoc(), t.gtoc() + t.ctod(), t.comp());
    };
  }

  private static double decodeSeconds(Terms t, Overlap overlap) {
    return switch (overlap) {
      case PAPER -> longest(t.ctog(), t.gtoc(), t.dtoc(), t.ctod(), t.comp());
      case RELEASED -> t.ctog() + longest(t.gtoc(), t.dtoc(), t.ctod(), t.comp());
    };
  }

  private static double longest(double... seconds) {
    double longest = 0;
    for (double each : seconds) {
      longest = Math.max(longest, each);
    }
    return longest;
  }
}
