package dev.stowage.csd.command;

import static dev.stowage.csd.command.Wire.F32;
import static dev.stowage.csd.command.Wire.F64;
import static dev.stowage.csd.command.Wire.U32;

import dev.stowage.csd.ftl.KvShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Sparsity;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The box that a region keeps and the attention over it: 56 bytes, {@code u32} slots, layers, KV
 * heads, tokens, width of a head, type (0 F32, 1 F16, 2 BF16, 3 INT8, 4 INT4), query heads that
 * share a KV head, most rows of a command, {@code f32} scale, {@code u32} channels that choose, 0
 * where attention reads all, {@code f64} share of the tokens that is then read, {@code u32} tokens
 * gathered before they are programmed, 0 for a token group, {@code u32} reserved.
 *
 * @param sparsity what attention reads of continuing rows; empty for all
 * @param writeBack tokens gathered in DRAM; whole token groups of them, at least one, are used
 */
public record RegionConfig(
    KvShape shape,
    int groupSize,
    int rows,
    float scale,
    Optional<Sparsity> sparsity,
    int writeBack) {
  public static final int BYTES = 56;

  public RegionConfig {
    if (groupSize < 1 || groupSize > 1 << 12 || rows < 1) {
      throw new IllegalArgumentException("groups of %d heads, %d rows".formatted(groupSize, rows));
    }
    if (sparsity.isPresent() && sparsity.get().channels() > shape.headDim()) {
      throw new IllegalArgumentException(
          "%d channels of a head's %d".formatted(sparsity.get().channels(), shape.headDim()));
    }
    if (sparsity.isPresent() && shape.type().quantized()) {
      throw new IllegalArgumentException(
          "channels of %s keys cannot be read one by one".formatted(shape.type().word()));
    }
    if (writeBack < 0) {
      throw new IllegalArgumentException("a write-back every " + writeBack + " tokens");
    }
  }

  /** Attention that reads all, tokens gathered by the group. */
  public RegionConfig(KvShape shape, int groupSize, int rows, float scale) {
    this(shape, groupSize, rows, scale, Optional.empty(), 0);
  }

  /** Query heads of the region. */
  public int queryHeads() {
    return shape.heads() * groupSize;
  }

  /** Bytes of a row of APPEND's data in. */
  public long appendBytes() {
    return 8 + 2L * shape.heads() * shape.rowBytes();
  }

  /** Bytes of a row of ATTEND's data in. */
  public long queryBytes() {
    return 16 + 4L * queryHeads() * shape.headDim();
  }

  /** Bytes of a row of ATTEND's data out. */
  public long partialBytes() {
    return 4L * queryHeads() * (shape.headDim() + 2);
  }

  /** Bytes of shared memory that a command with so many rows needs. */
  public static long sharedBytes(KvShape shape, int groupSize, int rows) {
    var one = new RegionConfig(shape, groupSize, 1, 1);
    return rows * Math.max(one.appendBytes(), one.queryBytes() + one.partialBytes());
  }

  public void encode(MemorySegment to, long at) {
    to.set(U32, at, shape.slots());
    to.set(U32, at + 4, shape.layers());
    to.set(U32, at + 8, shape.heads());
    to.set(U32, at + 12, shape.tokens());
    to.set(U32, at + 16, shape.headDim());
    to.set(U32, at + 20, shape.type().ordinal());
    to.set(U32, at + 24, groupSize);
    to.set(U32, at + 28, rows);
    to.set(F32, at + 32, scale);
    to.set(U32, at + 36, sparsity.map(Sparsity::channels).orElse(0));
    to.set(F64, at + 40, sparsity.map(Sparsity::tokenShare).orElse(0.0));
    to.set(U32, at + 48, writeBack);
    to.set(U32, at + 52, 0);
  }

  /**
   * Reads a configuration.
   *
   * @throws IllegalArgumentException if it describes no region
   */
  public static RegionConfig decode(MemorySegment from, long at) {
    int type = from.get(U32, at + 20);
    if (type < 0 || type > ElementType.INT4.ordinal() || from.get(U32, at + 52) != 0) {
      throw new IllegalArgumentException("type " + type);
    }
    var shape =
        new KvShape(
            from.get(U32, at),
            from.get(U32, at + 4),
            from.get(U32, at + 8),
            from.get(U32, at + 12),
            from.get(U32, at + 16),
            ElementType.values()[type]);
    return new RegionConfig(
        shape,
        from.get(U32, at + 24),
        from.get(U32, at + 28),
        from.get(F32, at + 32),
        sparsity(from.get(U32, at + 36), from.get(F64, at + 40)),
        from.get(U32, at + 48));
  }

  private static Optional<Sparsity> sparsity(int channels, double tokenShare) {
    return channels == 0 && tokenShare == 0
        ? Optional.empty()
        : Optional.of(new Sparsity(channels, tokenShare));
  }
}
