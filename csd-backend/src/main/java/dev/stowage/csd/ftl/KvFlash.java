package dev.stowage.csd.ftl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Keys and values of one region in a drive: full token groups on flash, the tokens after them in
 * the drive's DRAM, of which the region takes a fixed amount when it opens.
 *
 * <pre>
 * logical page   ((((slot · layers + layer) · heads + head) · groups + group) · 2 + kind) · pages + page     kind: 0 K, 1 V
 * DRAM           [slots, layers, heads, kind, tokens of a group, headDim]
 * </pre>
 */
public final class KvFlash implements AutoCloseable {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort BITS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int region;
  private final KvShape shape;
  private final FlashTranslation translation;
  private final MemorySegment register;
  private final TokenGroups groups;
  private final int channels;
  private final int pageNumbers;
  private final int groupsPerHead;
  private final int tailTokens;
  private final int[] lengths;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment tails;
  private long tailBytes;

  /**
   * Opens an empty region.
   *
   * @param register the flash's page register
   * @param channels over which groups are strided
   * @param pageBytes bytes of a flash page
   * @param dramBytes DRAM left for its tails
   * @throws CapacityException if flash or DRAM do not suffice
   */
  public KvFlash(
      int region,
      KvShape shape,
      FlashTranslation translation,
      MemorySegment register,
      int channels,
      int pageBytes,
      long dramBytes) {
    this.region = region;
    this.shape = shape;
    this.translation = translation;
    this.register = register;
    this.channels = channels;
    pageNumbers = pageBytes / shape.type().bytes();
    groups = TokenGroups.of(shape.rowBytes(), pageBytes);
    groupsPerHead = shape.tokens() / groups.tokens();
    tailTokens = Math.min(groups.tokens(), shape.tokens());
    double pages = 2.0 * shape.streams() * groupsPerHead * groups.pages();
    double dram = 2.0 * shape.streams() * tailTokens * shape.rowBytes();
    if (dram > dramBytes) {
      throw new CapacityException(
          "%.0f bytes of the drive's DRAM are needed to gather token groups, and %d are left"
              .formatted(dram, dramBytes));
    }
    if (pages > Integer.MAX_VALUE || (double) shape.slots() * shape.layers() > Integer.MAX_VALUE) {
      throw new CapacityException("%.0f flash pages are more than a drive has".formatted(pages));
    }
    lengths = new int[shape.slots() * shape.layers()];
    tails = arena.allocate(Math.max(64, (long) dram), 64);
    try {
      translation.openRegion(region, (long) pages);
    } catch (CapacityException e) {
      arena.close();
      throw e;
    }
  }

  public KvShape shape() {
    return shape;
  }

  public TokenGroups groups() {
    return groups;
  }

  /** Tokens stored for a slot and layer. */
  public int length(int slot, int layer) {
    return lengths[slot * shape.layers() + layer];
  }

  /** Bytes of DRAM that the region holds, used or not. */
  public long dramBytes() {
    return 2L * shape.streams() * tailTokens * shape.rowBytes();
  }

  /** Bytes of keys and values that lie in DRAM. */
  public long tailBytes() {
    return tailBytes;
  }

  /**
   * Stores the next token of a slot and layer; a group that it fills goes to flash.
   *
   * @param source {@code [heads, headDim]} keys at {@code keys}, likewise values, in the stored
   *     type
   */
  public void append(int slot, int layer, MemorySegment source, long keys, long values) {
    int sequence = slot * shape.layers() + layer;
    int inGroup = lengths[sequence] % groups.tokens();
    int rowBytes = shape.rowBytes();
    for (int head = 0; head < shape.heads(); head++) {
      long row = (long) head * rowBytes;
      MemorySegment.copy(
          source, keys + row, tails, tail(sequence, head, 0) + (long) inGroup * rowBytes, rowBytes);
      MemorySegment.copy(
          source,
          values + row,
          tails,
          tail(sequence, head, 1) + (long) inGroup * rowBytes,
          rowBytes);
    }
    if (inGroup + 1 == groups.tokens()) {
      program(sequence, lengths[sequence] / groups.tokens());
    }
    lengths[sequence]++;
    tailBytes += inGroup + 1 == groups.tokens() ? -(long) inGroup * tokenBytes() : tokenBytes();
  }

  /** Forgets a slot's tokens and frees their pages. */
  public void reclaim(int slot) {
    for (int layer = 0; layer < shape.layers(); layer++) {
      int sequence = slot * shape.layers() + layer;
      int full = lengths[sequence] / groups.tokens();
      for (int head = 0; head < shape.heads(); head++) {
        for (int i = 0; i < full * 2 * groups.pages(); i++) {
          translation.discard(region, firstPage(sequence, head, 0, 0) + i);
        }
      }
      tailBytes -= (long) (lengths[sequence] % groups.tokens()) * tokenBytes();
      lengths[sequence] = 0;
    }
  }

  /**
   * Loads rows of one group as floats, reading no page that holds none of them.
   *
   * @param kind 0 keys, 1 values
   * @param from first row within the group
   * @param to behind the last
   * @param into {@code [tokens of a group, headDim]} and room for padding; rows outside may change
   */
  public void load(
      int slot, int layer, int head, int kind, int group, int from, int to, float[] into) {
    int sequence = slot * shape.layers() + layer;
    int width = shape.headDim();
    if (group == lengths[sequence] / groups.tokens()) {
      long at = tail(sequence, head, kind) + (long) from * shape.rowBytes();
      widen(tails, at, into, from * width, (to - from) * width);
      return;
    }
    int first = firstPage(sequence, head, group, kind);
    int last = (to * width - 1) / pageNumbers;
    for (int page = from * width / pageNumbers; page <= last; page++) {
      translation.read(region, first + page);
      int at = page * pageNumbers;
      widen(register, 0, into, at, Math.min(pageNumbers, groups.tokens() * width - at));
    }
  }

  private void program(int sequence, int group) {
    int pageBytes = pageNumbers * shape.type().bytes();
    for (int head = 0; head < shape.heads(); head++) {
      for (int kind = 0; kind < 2; kind++) {
        int first = firstPage(sequence, head, group, kind);
        long tail = tail(sequence, head, kind);
        int stripe = sequence * shape.heads() + head + (group * 2 + kind) * groups.pages();
        for (int page = 0; page < groups.pages(); page++) {
          int done = page * pageBytes;
          int channel = Math.floorMod(stripe + page, channels);
          int bytes = Math.min(pageBytes, groups.bytes() - done);
          translation.write(region, first + page, channel, tails, tail + done, bytes);
        }
      }
    }
  }

  private int firstPage(int sequence, int head, int group, int kind) {
    return (((sequence * shape.heads() + head) * groupsPerHead + group) * 2 + kind)
        * groups.pages();
  }

  private long tail(int sequence, int head, int kind) {
    return (((long) sequence * shape.heads() + head) * 2 + kind) * tailTokens * shape.rowBytes();
  }

  private long tokenBytes() {
    return 2L * shape.heads() * shape.rowBytes();
  }

  private void widen(MemorySegment from, long at, float[] into, int start, int count) {
    switch (shape.type()) {
      case F32 -> MemorySegment.copy(from, F32, at, into, start, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.float16ToFloat(from.get(BITS, at + 2L * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.intBitsToFloat(from.get(BITS, at + 2L * i) << 16);
        }
      }
      case INT8, INT4 -> throw shape.type().notSingle();
    }
  }

  /** Frees the region's flash and DRAM. */
  @Override
  public void close() {
    translation.closeRegion(region);
    arena.close();
  }
}
