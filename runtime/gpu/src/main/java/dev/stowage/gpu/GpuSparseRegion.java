package dev.stowage.gpu;

import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;
import jcuda.driver.CUfunction;

/**
 * What a region in a GPU's memory keeps besides keys and values by token, for attention that reads
 * a part of them, in the order in which a host keeps it: the keys by channel, then the sums of the
 * values. One launch chooses tokens as {@link dev.stowage.runtime.sparse.SparseAttention} does, one
 * attends to them, one adds what stands for the rest; the host sees none of it.
 */
final class GpuSparseRegion {
  private static final int THREADS = 256; // that choose, as in sparse.cuh
  private static final int RUN = 3; // numbers that tell of a run: box, first token, tokens
  private static final long ROOM = 16L << 20; // for lists and shares, at most, and for scores

  private final KvLayout layout;
  private final Sparsity sparsity;
  private final MemorySegment memory;
  private final CudaKernels kernels;
  private final Launcher launcher;
  private final CUfunction choose;
  private final CUfunction note;
  private final CUfunction addMean;
  private final int heads; // of the region
  private final int group;
  private final int tokens;
  private final int most; // tokens that are chosen
  private final long rowBytes; // one head of one token
  private final long boxBytes; // keys and values by token of a slot and layer
  private final long columnsAt;
  private final long sumsAt;
  private final long listBytes; // lists and shares of a row
  private final long scoreBytes; // of a row's head
  private final long scoresAt; // behind lists and shares
  private final long[] runs;
  private final long[] places;
  private final int[] stored;
  private final int[] chosen;
  private final int[] numbers; // of each row: newer tokens, chosen tokens

  GpuSparseRegion(
      KvLayout layout,
      Sparsity sparsity,
      MemorySegment memory,
      Cuda cuda,
      CudaKernels kernels,
      Launcher launcher) {
    this.layout = layout;
    this.sparsity = sparsity;
    this.memory = memory;
    this.kernels = kernels;
    this.launcher = launcher;
    choose = cuda.function("choose_tokens_" + layout.type().word());
    note = cuda.function("note_tokens");
    addMean = cuda.function("add_mean");
    var region = layout.region();
    heads = region.heads().size();
    group = layout.groupSize();
    tokens = region.tokens().size();
    most = sparsity.tokensOf(tokens);
    rowBytes = layout.type().rowBytes(layout.headDim());
    boxBytes = 2 * heads * tokens * rowBytes;
    columnsAt = boxBytes * region.layers().size() * region.sequences().size();
    sumsAt = columnsAt + columnsAt / 2;
    listBytes = listBytes(layout, sparsity);
    scoreBytes = scoreBytes(layout);
    int rows = layout.rowsPerPass();
    scoresAt = (Math.min(ROOM, rows * listBytes) + 15) / 16 * 16;
    launcher.needChoiceRoom(scoresAt + Math.min(ROOM, rows * heads * scoreBytes));
    runs = new long[RUN * rows];
    places = new long[rows];
    stored = new int[rows];
    chosen = new int[rows];
    numbers = new int[2 * rows];
  }

  /** Whether there is room to choose among so many tokens. */
  static boolean fits(KvLayout layout, Sparsity sparsity) {
    return listBytes(layout, sparsity) <= ROOM && scoreBytes(layout) <= ROOM;
  }

  private static long listBytes(KvLayout layout, Sparsity sparsity) {
    var region = layout.region();
    int chosen = sparsity.tokensOf(region.tokens().size());
    return 4L * region.heads().size() * (chosen + layout.groupSize());
  }

  private static long scoreBytes(KvLayout layout) {
    return 4L * (layout.groupSize() + 1) * layout.region().tokens().size();
  }

  /** Takes note of the rows that were just stored by token. */
  void append(int layer, Rows rows) {
    var region = layout.region();
    int count = 0;
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      int from = Math.max(rows.position(row), region.tokens().from());
      int to = Math.min(rows.position(end - 1) + 1, region.tokens().to());
      if (region.sequences().contains(rows.slot(row)) && from < to) {
        runs[RUN * count] = box(layer, rows.slot(row));
        runs[RUN * count + 1] = from - region.tokens().from();
        runs[RUN * count + 2] = to - from;
        count++;
      }
      row = end;
    }
    if (count > 0) {
      launcher
          .arguments()
          .at(memory, 0)
          .at(launcher.table(runs, RUN * count))
          .number((long) count)
          .number((long) heads)
          .number((long) layout.headDim())
          .number((long) tokens)
          .number(columnsAt)
          .number(sumsAt)
          .number((long) layout.type().ordinal())
          .each(note, (long) count * heads * layout.headDim());
    }
  }

  /**
   * Attends with rows {@code from ≤ row < to} over the region's heads. The segments are the GPU's.
   */
  void attend(int layer, Rows rows, int from, int to, MemorySegment queries, Partial into) {
    int atOnce = (int) Math.min(ROOM / listBytes, to - from);
    for (int first = from; first < to; first += atOnce) {
      attendTogether(layer, rows, first, Math.min(atOnce, to - first), queries, into);
    }
  }

  private void attendTogether(
      int layer, Rows rows, int first, int count, MemorySegment queries, Partial into) {
    var region = layout.region();
    int longest = 0;
    for (int i = 0; i < count; i++) {
      int row = first + i;
      int there = Math.min(rows.start(row), region.tokens().to()) - region.tokens().from();
      boolean sees = region.sequences().contains(rows.slot(row)) && there > 0;
      stored[i] = sees ? there : 0;
      places[i] = sees ? box(layer, rows.slot(row)) * boxBytes : -1;
      chosen[i] = sparsity.tokensOf(stored[i]);
      numbers[2 * i] = rows.position(row) - region.tokens().from() - there;
      numbers[2 * i + 1] = chosen[i];
      longest = Math.max(longest, chosen[i]);
    }
    long placesAt = launcher.table(places, count);
    long storedAt = launcher.table(stored, 0, count);
    long room = launcher.choiceRoom();
    long shares = room + 4L * count * heads * most;
    choose(count, first, queries, placesAt, storedAt, room, shares);
    long stride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    long o = into.o().address() + first * stride;
    long state = into.state().address() + 8L * first * layout.heads();
    kernels.attend(
        queries.address() + first * stride,
        stride,
        memory.address(),
        memory.address() + boxBytes / 2,
        layout.type(),
        rowBytes,
        rowBytes * tokens,
        launcher.table(chosen, 0, count),
        placesAt,
        longest,
        false,
        room,
        most,
        layout.scale(),
        o,
        stride,
        state,
        count,
        layout.heads(),
        group,
        region.heads().from(),
        region.heads().to(),
        layout.headDim());
    launcher
        .arguments()
        .at(o)
        .at(state)
        .at(memory, 0)
        .at(placesAt)
        .at(storedAt)
        .at(shares)
        .number(stride)
        .number((long) layout.heads())
        .number((long) region.heads().from() * group)
        .number((long) heads)
        .number((long) group)
        .number((long) layout.headDim())
        .number(boxBytes)
        .number(sumsAt)
        .blocks(addMean, (long) count * heads * group, 1, CudaKernels.THREADS);
  }

  private void choose(
      int count,
      int first,
      MemorySegment queries,
      long placesAt,
      long storedAt,
      long lists,
      long shares) {
    long stride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    long numbersAt = launcher.table(numbers, 0, 2 * count);
    int sharedBytes = group * Double.BYTES + 3 * layout.headDim() * Integer.BYTES;
    int units = count * heads;
    int atOnce = (int) Math.min(ROOM / scoreBytes, units);
    for (int unit = 0; unit < units; unit += atOnce) {
      launcher
          .arguments()
          .at(queries, first * stride)
          .at(memory, columnsAt)
          .at(storedAt)
          .at(placesAt)
          .at(numbersAt)
          .at(lists)
          .at(shares)
          .at(launcher.choiceRoom() + scoresAt)
          .number(stride)
          .number((long) tokens)
          .number(boxBytes)
          .number((long) layout.region().heads().from() * group)
          .number((long) heads)
          .number((long) layout.headDim())
          .number((long) group)
          .number((long) sparsity.channels())
          .number((long) most)
          .number((long) unit)
          .number(layout.scale())
          .blocks(choose, Math.min(atOnce, units - unit), 1, THREADS, sharedBytes);
    }
  }

  private long box(int layer, int slot) {
    var region = layout.region();
    return (long) (layer - region.layers().from()) * region.sequences().size()
        + slot
        - region.sequences().from();
  }
}
