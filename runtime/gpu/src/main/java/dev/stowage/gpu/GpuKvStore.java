package dev.stowage.gpu;

import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values in a GPU's memory: for every layer and slot {@code [key or value, head, token,
 * headDim]}. All rows of a pass are stored, and attend, in one launch each.
 */
final class GpuKvStore implements KvStore {
  private final KvLayout layout;
  private final MemorySegment memory;
  private final CudaKernels kernels;
  private final Launcher launcher;
  private final long rowBytes; // one head of one token
  private final long headBytes; // all tokens of one head
  private final long halfBytes; // all keys, or all values, of one slot and layer
  private final long[] places;
  private final int[] lengths;

  GpuKvStore(KvLayout layout, MemorySegment memory, CudaKernels kernels, Launcher launcher) {
    this.layout = layout;
    this.memory = memory;
    this.kernels = kernels;
    this.launcher = launcher;
    rowBytes = layout.type().rowBytes(layout.headDim());
    headBytes = rowBytes * layout.region().tokens().size();
    halfBytes = headBytes * layout.region().heads().size();
    places = new long[layout.rowsPerPass()];
    lengths = new int[layout.rowsPerPass()];
  }

  @Override
  public void clear(int slot) {
    // positions are written before they are read, and what lies beyond a row's start is never read
  }

  /** {@inheritDoc} The segments are the GPU's. */
  @Override
  public void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    var region = layout.region();
    for (int row = 0; row < rows.count(); row++) {
      int position = rows.position(row);
      places[row] =
          region.sequences().contains(rows.slot(row)) && region.tokens().contains(position)
              ? base(layer, rows.slot(row)) + (position - region.tokens().from()) * rowBytes
              : -1;
    }
    long table = launcher.table(places, rows.count());
    long xHeadStride = (long) layout.headDim() * Float.BYTES;
    long xStride = layout.kvHeads() * xHeadStride;
    long first = region.heads().from() * xHeadStride;
    store(keys, first, xStride, xHeadStride, 0, table, rows.count());
    store(values, first, xStride, xHeadStride, halfBytes, table, rows.count());
  }

  private void store(
      MemorySegment x,
      long first,
      long xStride,
      long xHeadStride,
      long half,
      long table,
      int rows) {
    kernels.store(
        x,
        first,
        xStride,
        xHeadStride,
        memory.address() + half,
        table,
        0,
        headBytes,
        layout.type(),
        rows,
        layout.region().heads().size(),
        layout.headDim());
  }

  /** {@inheritDoc} The segments are the GPU's. */
  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    var region = layout.region();
    for (int row = 0; row < rows.count(); row++) {
      lengths[row] = 0;
      places[row] = -1;
      if (region.sequences().contains(rows.slot(row))) {
        int from = region.tokens().from();
        int stored = Math.max(0, Math.min(rows.start(row), region.tokens().to()) - from);
        int hidden = Math.max(0, rows.position(row) - layout.window() + 1 - from);
        if (stored > hidden) {
          lengths[row] = stored - hidden;
          places[row] = base(layer, rows.slot(row)) + hidden * rowBytes;
        }
      }
    }
    int count = rows.count();
    int longest = 0;
    int neighbours = 0; // rows with the keys of the row before
    for (int row = 0; row < count; row++) {
      longest = Math.max(longest, lengths[row]);
      neighbours += row > 0 && places[row] == places[row - 1] ? 1 : 0;
    }
    long stride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    int group = layout.groupSize();
    if (region.heads().size() < layout.kvHeads()) {
      kernels.neutral(
          into.state(),
          count,
          layout.heads(),
          region.heads().from() * group,
          region.heads().to() * group);
    }
    kernels.attend(
        queries.address(),
        stride,
        memory.address(),
        memory.address() + halfBytes,
        layout.type(),
        rowBytes,
        headBytes,
        launcher.table(lengths, 0, count),
        launcher.table(places, count),
        longest,
        neighbours > count / 2,
        layout.scale(),
        into.o().address(),
        stride,
        into.state().address(),
        count,
        layout.heads(),
        group,
        region.heads().from(),
        region.heads().to(),
        layout.headDim());
  }

  private long base(int layer, int slot) {
    var region = layout.region();
    long box =
        (long) (layer - region.layers().from()) * region.sequences().size()
            + slot
            - region.sequences().from();
    return box * 2 * halfBytes;
  }

  @Override
  public void close() {}
}
