package dev.stowage.gpu;

import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

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
  private final Optional<GpuSparseRegion> sparse;

  GpuKvStore(
      KvLayout layout,
      MemorySegment memory,
      CudaKernels kernels,
      Launcher launcher,
      Optional<GpuSparseRegion> sparse) {
    this.layout = layout;
    this.memory = memory;
    this.kernels = kernels;
    this.launcher = launcher;
    this.sparse = sparse;
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
    if (sparse.isPresent()) {
      sparse.get().append(layer, rows);
    }
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
    int group = layout.groupSize();
    if (region.heads().size() < layout.kvHeads()) {
      kernels.neutral(
          into.state(),
          rows.count(),
          layout.heads(),
          region.heads().from() * group,
          region.heads().to() * group);
    }
    int row = 0;
    while (row < rows.count()) {
      boolean part = readsPart(rows, row);
      int end = row + 1;
      while (end < rows.count() && readsPart(rows, end) == part) {
        end++;
      }
      if (part) {
        sparse.orElseThrow().attend(layer, rows, row, end, queries, into);
      } else {
        attendToAll(layer, rows, row, end, queries, into);
      }
      row = end;
    }
  }

  private boolean readsPart(Rows rows, int row) {
    return sparse.isPresent() && rows.continues(row);
  }

  private void attendToAll(
      int layer, Rows rows, int from, int to, MemorySegment queries, Partial into) {
    var region = layout.region();
    int count = to - from;
    int longest = 0;
    int neighbours = 0; // rows with the keys of the row before
    for (int i = 0; i < count; i++) {
      int row = from + i;
      lengths[i] = 0;
      places[i] = -1;
      if (region.sequences().contains(rows.slot(row))) {
        int begin = region.tokens().from();
        int stored = Math.max(0, Math.min(rows.start(row), region.tokens().to()) - begin);
        int hidden = Math.max(0, rows.position(row) - layout.window() + 1 - begin);
        if (stored > hidden) {
          lengths[i] = stored - hidden;
          places[i] = base(layer, rows.slot(row)) + hidden * rowBytes;
        }
      }
      longest = Math.max(longest, lengths[i]);
      neighbours += i > 0 && places[i] == places[i - 1] ? 1 : 0;
    }
    long stride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    kernels.attend(
        queries.address() + from * stride,
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
        0,
        0,
        layout.scale(),
        into.o().address() + from * stride,
        stride,
        into.state().address() + 8L * from * layout.heads(),
        count,
        layout.heads(),
        layout.groupSize(),
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
