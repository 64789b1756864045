package dev.stowage.runtime.device;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.ModelShape;
import java.util.Objects;
import java.util.Optional;

/**
 * The region a store keeps, and the attention it computes over it.
 *
 * @param heads query heads of the model
 * @param kvHeads key and value heads of the model; query head {@code h} attends with KV head {@code
 *     h / (heads / kvHeads)}
 * @param headDim width of a head
 * @param type how keys and values are stored
 * @param window keys a query sees at most, itself included; {@link Integer#MAX_VALUE} for all
 * @param rowsPerPass most rows one call brings
 * @param writeBack tokens of a sequence that a drive gathers in its DRAM before it programs them; 0
 *     for as few as it can
 * @param pages how much of the region is there at a time; empty if all of it
 */
public record KvLayout(
    KvRegion region,
    int heads,
    int kvHeads,
    int headDim,
    ElementType type,
    int window,
    int rowsPerPass,
    int writeBack,
    Optional<KvPages> pages) {
  public KvLayout {
    Objects.requireNonNull(region);
    Objects.requireNonNull(type);
    Objects.requireNonNull(pages);
    if (heads < 1
        || kvHeads < 1
        || heads % kvHeads != 0
        || headDim < 1
        || window < 1
        || rowsPerPass < 1
        || writeBack < 0) {
      throw new IllegalArgumentException(
          "%d heads, %d kv heads of %d, window %d, %d rows, write-back every %d"
              .formatted(heads, kvHeads, headDim, window, rowsPerPass, writeBack));
    }
    if (region.heads().to() > kvHeads) {
      throw new IllegalArgumentException(
          "region %s holds heads %s of %d".formatted(region.name(), region.heads(), kvHeads));
    }
  }

  /** A layout of a region that is there whole. */
  public KvLayout(
      KvRegion region,
      int heads,
      int kvHeads,
      int headDim,
      ElementType type,
      int window,
      int rowsPerPass,
      int writeBack) {
    this(region, heads, kvHeads, headDim, type, window, rowsPerPass, writeBack, Optional.empty());
  }

  /** A layout whose drive gathers as few tokens as it can. */
  public KvLayout(
      KvRegion region,
      int heads,
      int kvHeads,
      int headDim,
      ElementType type,
      int window,
      int rowsPerPass) {
    this(region, heads, kvHeads, headDim, type, window, rowsPerPass, 0);
  }

  public static KvLayout of(
      ModelShape shape,
      KvRegion region,
      ElementType type,
      int rowsPerPass,
      int writeBack,
      Optional<KvPages> pages) {
    return new KvLayout(
        region,
        shape.heads(),
        shape.kvHeads(),
        shape.headDim(),
        type,
        shape.slidingWindow().orElse(Integer.MAX_VALUE),
        rowsPerPass,
        writeBack,
        pages);
  }

  /** Bytes that the region takes of its device. */
  public long bytes() {
    return pages.map(KvPages::capacityBytes).orElseGet(() -> region.bytes(headDim, type));
  }

  /** Query heads that share a KV head. */
  public int groupSize() {
    return heads / kvHeads;
  }

  /** Attention's scale, {@code 1/√headDim}. */
  public float scale() {
    return (float) (1.0 / Math.sqrt(headDim));
  }
}
