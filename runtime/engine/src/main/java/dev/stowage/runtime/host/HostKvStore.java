package dev.stowage.runtime.host;

import dev.stowage.plan.KvPages;
import dev.stowage.runtime.device.HeldPages;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.RegionAttention;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Keys and values in host memory: for every slot and layer {@code [key or value, head, token,
 * headDim]}, so that attention reads each head's tokens in one run. Where attention is sparse,
 * {@link SparseRegion} keeps the keys by channel behind it. Of a region that is not there whole,
 * every run begins with a page, and pages are given back when a sequence ends.
 */
final class HostKvStore implements KvStore, KvSource {
  private static final long F32 = Float.BYTES;

  private final KvLayout layout;
  private final MemorySegment memory;
  private final Kernels kernels;
  private final RegionAttention attention;
  private final long rowBytes; // one head of one token
  private final long headBytes; // all tokens of one head
  private final long halfBytes; // all keys, or all values, of one slot and layer
  private final Optional<SparseRegion> sparse;
  private final PagedMemory pagedMemory; // null where all is there
  private final HeldPages held; // likewise

  /** Of a region that is there whole. */
  HostKvStore(KvLayout layout, MemorySegment memory, Kernels kernels) {
    this.layout = layout;
    this.memory = memory;
    this.kernels = kernels;
    pagedMemory = null;
    held = null;
    rowBytes = layout.type().rowBytes(layout.headDim());
    headBytes = rowBytes * layout.region().tokens().size();
    halfBytes = headBytes * layout.region().heads().size();
    attention = new RegionAttention(layout, kernels, rowBytes, headBytes);
    sparse =
        layout
            .region()
            .sparsity()
            .map(s -> new SparseRegion(layout, s, memory, boxes(layout) * 2 * halfBytes));
  }

  /**
   * Of a region that is not.
   *
   * @throws UnsupportedOperationException if this system gives no memory back
   */
  HostKvStore(KvLayout layout, KvPages pages, Arena arena, Kernels kernels) {
    this.layout = layout;
    this.kernels = kernels;
    rowBytes = pages.tokenBytes();
    headBytes = pages.runBytes();
    halfBytes = headBytes * layout.region().heads().size();
    attention = new RegionAttention(layout, kernels, rowBytes, headBytes);
    sparse = Optional.empty();
    pagedMemory = PagedMemory.reserve(arena, Math.multiplyExact(boxes(layout), 2 * halfBytes));
    memory = pagedMemory.memory();
    held = new HeldPages(layout.region(), pages);
  }

  private static long boxes(KvLayout layout) {
    return (long) layout.region().layers().size() * layout.region().sequences().size();
  }

  /** Positions are written before they are read, and what lies beyond a row's start never is. */
  @Override
  public void clear(int slot) {
    var region = layout.region();
    if (held != null && region.sequences().contains(slot) && held.clear(slot)) {
      long bytes = region.layers().size() * 2 * halfBytes;
      pagedMemory.giveBack(base(region.layers().from(), slot), bytes);
    }
  }

  @Override
  public long heldBytes() {
    return held == null ? 0 : held.bytes();
  }

  @Override
  public void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    var region = layout.region();
    long stride = (long) layout.kvHeads() * layout.headDim() * F32;
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      if (region.sequences().contains(rows.slot(row))) {
        int from = Math.max(rows.position(row), region.tokens().from());
        int to = Math.min(rows.position(end - 1) + 1, region.tokens().to());
        if (from < to) {
          if (held != null) {
            held.store(layer, rows.slot(row), to - region.tokens().from());
          }
          int first = row + from - rows.position(row);
          long at = base(layer, rows.slot(row)) + (from - region.tokens().from()) * rowBytes;
          for (int head = region.heads().from(); head < region.heads().to(); head++) {
            long source = first * stride + (long) head * layout.headDim() * F32;
            long target = at + (head - region.heads().from()) * headBytes;
            narrow(keys, source, stride, target, to - from);
            narrow(values, source, stride, target + halfBytes, to - from);
          }
          if (sparse.isPresent()) {
            int token = from - region.tokens().from();
            sparse.get().append(box(layer, rows.slot(row)), token, to - from);
          }
        }
      }
      row = end;
    }
  }

  private void narrow(MemorySegment from, long source, long stride, long target, int tokens) {
    kernels.narrow(
        from, source, stride, memory, target, rowBytes, layout.type(), tokens, layout.headDim());
  }

  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      int stored = attention.stored(rows, row);
      if (stored == 0) {
        attention.neutral(row, end, into);
      } else if (sparse.isPresent() && rows.continues(row)) {
        attention.neutral(row, end, into);
        sparse.get().attend(box(layer, rows.slot(row)), stored, rows, row, queries, into);
      } else {
        long keys = base(layer, rows.slot(row));
        attention.attend(rows, row, end, queries, memory, keys, keys + halfBytes, stored, into);
      }
      row = end;
    }
  }

  @Override
  public MemorySegment memory() {
    return memory;
  }

  @Override
  public long bring(int layer, int slot, int tokens) {
    return base(layer, slot);
  }

  @Override
  public long valuesBehind() {
    return halfBytes;
  }

  @Override
  public long tokenStride() {
    return rowBytes;
  }

  @Override
  public long headStride() {
    return headBytes;
  }

  private long base(int layer, int slot) {
    return box(layer, slot) * 2 * halfBytes;
  }

  private long box(int layer, int slot) {
    var region = layout.region();
    return (long) (slot - region.sequences().from()) * region.layers().size()
        + layer
        - region.layers().from();
  }

  @Override
  public void close() {}
}
