package dev.stowage.optimizer.flexgen;

/**
 * Peak bytes of a policy by FlexGen's formulas, as its released code adds them up.
 *
 * <p>With {@code WL = wi·l}:
 *
 * <pre>
 * gpu prefill  WL·wg + 2·s·h1·bls·hg + 4·(s + n)·h1·bls·l·cg + 2·wi·(1 − wg) + 2·s·h1·gbs·(1 − hg)
 *              + gbs·(18·s·h1 + 2·nh·s² + 2·s·h2)
 * gpu decode   WL·wg + 2·h1·bls·hg + 4·(s + n)·h1·bls·l·cg + 2·wi·(1 − wg) + 2·h1·gbs·(1 − hg) + 4·gbs·(s + n)·h1·cg
 *              + gbs·[ 14·h1 + 2·h2 + cg·(4·h1 + 4·(s + n)·h1 + 2·nh·(s + n)) ]
 * cpu prefill  WL·wc + 2·s·h1·bls·hc + 4·s·h1·bls·l·cc + wi·(1 − wg) + 2·s·h1·gbs·(1 − hg)
 * cpu decode   WL·wc + 2·h1·bls·hc + 4·(s + n)·h1·bls·l·cc + wi·wd + 4·h1·gbs·hd + 8·(s + n)·h1·gbs·cd
 *              + 2·nh·(s + n)·gbs + 2·h1·gbs
 * disk         WL·wd + 2·s·h1·bls·hd + 4·(s + n)·h1·bls·l·cd
 * </pre>
 */
public record FlexGenPeaks(
    double gpuPrefill, double gpuDecode, double cpuPrefill, double cpuDecode, double disk) {
  public static FlexGenPeaks of(FlexGenWork work, FlexGenPolicy policy) {
    double h = work.hidden();
    double s = work.prompt();
    double all = s + work.generate();
    double block = policy.block();
    double batch = policy.batchSize();
    double heads = work.heads();
    double wi = work.layerBytes(policy.compressWeights());
    double weights = wi * work.layers();
    double cache = 4 * all * h * block * work.layers();
    var w = policy.weights();
    var c = policy.cache();
    var a = policy.hidden();
    return new FlexGenPeaks(
        weights * w.gpu()
            + 2 * s * h * block * a.gpu()
            + cache * c.gpu()
            + 2 * wi * (1 - w.gpu())
            + 2 * s * h * batch * (1 - a.gpu())
            + batch * (18 * s * h + 2 * heads * s * s + 2 * s * work.ffn()),
        weights * w.gpu()
            + 2 * h * block * a.gpu()
            + cache * c.gpu()
            + 2 * wi * (1 - w.gpu())
            + 2 * h * batch * (1 - a.gpu())
            + 4 * batch * all * h * c.gpu()
            + batch
                * (14 * h + 2.0 * work.ffn() + c.gpu() * (4 * h + 4 * all * h + 2 * heads * all)),
        weights * w.cpu()
            + 2 * s * h * block * a.cpu()
            + 4 * s * h * block * work.layers() * c.cpu()
            + wi * (1 - w.gpu())
            + 2 * s * h * batch * (1 - a.gpu()),
        weights * w.cpu()
            + 2 * h * block * a.cpu()
            + cache * c.cpu()
            + wi * w.disk()
            + 4 * h * batch * a.disk()
            + 8 * all * h * batch * c.disk()
            + 2 * heads * all * batch
            + 2 * h * batch,
        weights * w.disk() + 2 * s * h * block * a.disk() + cache * c.disk());
  }
}
