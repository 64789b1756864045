package dev.stowage.plan;

import java.util.Optional;

/**
 * What a KV region takes of its device where sequences are admitted one after another (FlexGen's
 * diagonal block schedule, section 4.1): pages are taken as a sequence grows and given back when it
 * ends, so that the region never holds all of its box. A host keeps a run of tokens for the keys
 * and for the values of every head, a disk one for all of them, and each run is held in whole
 * pages.
 *
 * @param tokens positions that the region holds of a sequence
 * @param layers how many layers the region has
 * @param runs of a sequence and layer
 * @param tokenBytes bytes of a token in a run
 * @param capacityBytes most bytes that its sequences hold together
 */
public record KvPages(Range tokens, int layers, int runs, long tokenBytes, long capacityBytes) {
  public KvPages {
    if (layers < 1 || runs < 1 || tokenBytes < 1) {
      throw new IllegalArgumentException(
          "%d layers of %d runs of %d bytes a token".formatted(layers, runs, tokenBytes));
    }
  }

  /**
   * The pages of a region with room for as many bytes as a steady stream of the longest requests
   * holds. Empty where the region's box lies on its device whole: where all sequences begin
   * together, on gpus and drives, where attention is sparse or runs on a gpu, which copies from
   * memory that stays, and where pages would take no less.
   */
  public static Optional<KvPages> of(
      Machine machine, ModelShape shape, ElementType kvType, BatchShape batch, KvRegion region) {
    if (!batch.staggered()
        || region.sparsity().isPresent()
        || machine.device(region.attendAt()).kind() != DeviceKind.HOST) {
      return Optional.empty();
    }
    int heads = region.heads().size();
    long headBytes = kvType.rowBytes(shape.headDim());
    var pages =
        switch (machine.device(region.device()).kind()) {
          case HOST -> Optional.of(steady(region, 2 * heads, headBytes, batch));
          case DISK -> Optional.of(steady(region, 1, 2 * heads * headBytes, batch));
          case GPU, CSD -> Optional.<KvPages>empty();
        };
    long box = region.bytes(shape.headDim(), kvType);
    return pages.filter(some -> some.capacityBytes() < box);
  }

  /** The pages of a region with room for a steady stream of the longest requests. */
  public static KvPages steady(KvRegion region, int runs, long tokenBytes, BatchShape batch) {
    var pages = new KvPages(region.tokens(), region.layers().size(), runs, tokenBytes, 0);
    return pages.withCapacity(pages.steadyBytes(batch, region.sequences().size()));
  }

  public KvPages withCapacity(long bytes) {
    return new KvPages(tokens, layers, runs, tokenBytes, bytes);
  }

  /** Address space of one run, in which pages are taken as it grows. */
  public long runBytes() {
    return Footprint.wholePages(Math.multiplyExact(tokenBytes, (long) tokens.size()));
  }

  /** Bytes held of one layer of a sequence of which so many tokens of the region are stored. */
  public long layerBytes(int stored) {
    return Math.multiplyExact(
        (long) runs, Footprint.wholePages(Math.multiplyExact(tokenBytes, (long) stored)));
  }

  /** Bytes held of a sequence, of all its layers, when its positions up to one are stored. */
  public long bytes(int positions) {
    int stored = Math.clamp((long) positions - tokens.from(), 0, tokens.size());
    return Math.multiplyExact((long) layers, layerBytes(stored));
  }

  /** Bytes held of a sequence at its longest. */
  public long longestBytes() {
    return bytes(tokens.to());
  }

  /**
   * Most bytes that sequences of the longest requests hold together when they begin at even
   * distances, as many as there are slots in the time of one: just before the oldest ends, each of
   * the others is one distance younger.
   */
  private long steadyBytes(BatchShape batch, int sequences) {
    long bytes = 0;
    int sweeps = batch.sweeps();
    for (int i = 0; i < sequences; i++) {
      int age = sweeps - (int) ((long) i * sweeps / sequences);
      bytes = Math.addExact(bytes, bytes(batch.storedAfter(age)));
    }
    return bytes;
  }
}
