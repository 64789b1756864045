package dev.stowage.optimizer.flexgen;

/**
 * What FlexGen decides: a block of {@code batches} gpu batches of {@code batchSize} prompts, and
 * where things lie.
 *
 * @param batchSize {@code gbs}
 * @param batches {@code num_gpu_batches}; the block is {@code bls = gbs · batches}
 * @param compressWeights FlexGen's 4-bit weights, which it counts as a quarter of FP16
 */
public record FlexGenPolicy(
    int batchSize,
    int batches,
    Shares weights,
    Shares cache,
    Shares hidden,
    boolean compressWeights) {
  /** Parts of a thing on gpu, cpu and disk; they sum to one. */
  public record Shares(double gpu, double cpu, double disk) {
    private static final double TOLERANCE = 1e-6;

    public Shares {
      if (!(gpu >= -TOLERANCE && cpu >= -TOLERANCE && disk >= -TOLERANCE)
          || !(Math.abs(gpu + cpu + disk - 1) <= TOLERANCE)) {
        throw new IllegalArgumentException(
            "shares %s, %s and %s of gpu, cpu and disk".formatted(gpu, cpu, disk));
      }
    }

    /** As FlexGen's {@code --percent}: what gpu and cpu leave is on disk. */
    public static Shares percent(double gpu, double cpu) {
      return new Shares(gpu / 100, cpu / 100, (100 - gpu - cpu) / 100);
    }
  }

  public FlexGenPolicy {
    if (batchSize < 1 || batches < 1) {
      throw new IllegalArgumentException("%d batches of %d".formatted(batches, batchSize));
    }
  }

  /** {@code bls}. */
  public int block() {
    return Math.multiplyExact(batchSize, batches);
  }
}
