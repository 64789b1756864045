package dev.stowage.gpu;

import dev.stowage.runtime.device.KvAttention;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;

/**
 * Attention on a GPU to keys and values that lie elsewhere. Heads of a sequence are brought in
 * pieces to two halves of the staging memory in turn, over a stream of their own, so that one is
 * copied while kernels attend to the other; streams wait for each other, and the host for neither.
 * Where the tokens of all heads lie together, and where a region has one head, a sequence is one
 * piece.
 */
final class BroughtAttention implements KvAttention {
  private final KvLayout layout;
  private final KvSource source;
  private final MemorySegment staging;
  private final Cuda cuda;
  private final CudaKernels kernels;
  private final Launcher launcher;
  private final CUstream compute;
  private final Link link;
  private final boolean byHead; // the tokens of a head lie together
  private final int headsOfPiece;
  private final long halfBytes;
  private final CUevent[] brought;
  private final CUevent[] attended;
  private final long queryStride;
  private final long stateStride;
  private final int[] skipped; // tokens that a row's window hides
  private final long[] places;
  private final int[] lengths;
  private int turn;

  BroughtAttention(
      KvLayout layout,
      KvSource source,
      MemorySegment staging,
      Cuda cuda,
      CudaKernels kernels,
      Launcher launcher,
      CUstream compute,
      Link link) {
    this.layout = layout;
    this.source = source;
    this.staging = staging;
    this.cuda = cuda;
    this.kernels = kernels;
    this.launcher = launcher;
    this.compute = compute;
    this.link = link;
    long rowBytes = layout.type().rowBytes(layout.headDim());
    int heads = layout.region().heads().size();
    byHead = source.tokenStride() == rowBytes && heads > 1;
    headsOfPiece = byHead ? heads / 2 : heads;
    halfBytes = 2L * headsOfPiece * layout.region().tokens().size() * rowBytes;
    brought = new CUevent[byHead ? 2 : 1];
    attended = new CUevent[brought.length];
    for (int half = 0; half < brought.length; half++) {
      brought[half] = cuda.event();
      attended[half] = cuda.event();
    }
    queryStride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    stateStride = 2L * layout.heads() * Float.BYTES;
    skipped = new int[layout.rowsPerPass()];
    places = new long[layout.rowsPerPass()];
    lengths = new int[layout.rowsPerPass()];
  }

  /** {@inheritDoc} The segments are the GPU's. */
  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    kernels.neutral(into.state(), rows.count(), layout.heads(), 0, 0);
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      int stored = stored(rows, row);
      if (stored > 0 && see(rows, row, end, stored)) {
        attend(layer, rows.slot(row), row, end, stored, queries, into);
      }
      row = end;
    }
  }

  /** The region's tokens that the sequence of a row has stored. */
  private int stored(Rows rows, int row) {
    var region = layout.region();
    return region.sequences().contains(rows.slot(row))
        ? Math.min(rows.start(row), region.tokens().to()) - region.tokens().from()
        : 0;
  }

  /** Which of the stored tokens each row sees; whether any sees one. */
  private boolean see(Rows rows, int from, int end, int stored) {
    boolean any = false;
    for (int row = from; row < end; row++) {
      int hidden =
          Math.max(0, rows.position(row) - layout.window() + 1 - layout.region().tokens().from());
      lengths[row] = Math.max(0, stored - hidden);
      skipped[row] = hidden;
      any |= lengths[row] > 0;
    }
    return any;
  }

  private void attend(
      int layer, int slot, int from, int end, int stored, MemorySegment queries, Partial into) {
    var heads = layout.region().heads();
    if (!byHead) {
      cuda.await(
          brought[0]); // where the source brings a sequence to, the one before it has gone from
    }
    long keys = source.bring(layer, slot, stored);
    long tokenStride = source.tokenStride();
    long tokenBytes = stored * tokenStride; // of a head, or of all
    long capacity = layout.region().tokens().size() * layout.type().rowBytes(layout.headDim());
    for (int head = 0; head < heads.size(); head += headsOfPiece) {
      int count = Math.min(headsOfPiece, heads.size() - head);
      turn = (turn + 1) % brought.length;
      long half = turn * halfBytes;
      long values;
      long headStride;
      cuda.order(link.stream(), attended[turn]);
      if (byHead) {
        values = count * capacity;
        headStride = capacity;
        for (int i = 0; i < count; i++) {
          long at = keys + (head + i) * source.headStride();
          long to = half + i * capacity;
          bring(at, to, tokenBytes);
          bring(at + source.valuesBehind(), to + values, tokenBytes);
        }
      } else if (source.valuesBehind() < tokenStride) { // keys and values of a token lie together
        values = source.valuesBehind();
        headStride = source.headStride();
        bring(keys, half, tokenBytes);
      } else { // one head
        values = capacity;
        headStride = capacity;
        bring(keys, half, tokenBytes);
        bring(keys + source.valuesBehind(), half + values, tokenBytes);
      }
      cuda.record(brought[turn], link.stream());
      cuda.order(compute, brought[turn]);
      launch(half, values, tokenStride, headStride, from, end, queries, into, head, count);
      cuda.record(attended[turn], compute);
    }
  }

  private void bring(long from, long to, long bytes) {
    link.writeLater(source.memory(), from, staging, to, bytes);
  }

  private void launch(
      long half,
      long values,
      long tokenStride,
      long headStride,
      int from,
      int end,
      MemorySegment queries,
      Partial into,
      int head,
      int heads) {
    int count = end - from;
    int longest = 0;
    for (int row = from; row < end; row++) {
      places[row - from] = lengths[row] == 0 ? -1 : skipped[row] * tokenStride;
      longest = Math.max(longest, lengths[row]);
    }
    int first = layout.region().heads().from() + head;
    kernels.attend(
        queries.address() + from * queryStride,
        queryStride,
        staging.address() + half,
        staging.address() + half + values,
        layout.type(),
        tokenStride,
        headStride,
        launcher.table(lengths, from, count),
        launcher.table(places, count),
        longest,
        skipped[end - 1] == 0,
        0,
        0,
        layout.scale(),
        into.o().address() + from * queryStride,
        queryStride,
        into.state().address() + from * stateStride,
        count,
        layout.heads(),
        layout.groupSize(),
        first,
        first + heads,
        layout.headDim());
  }
}
