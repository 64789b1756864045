package dev.stowage.runtime.device;

import dev.stowage.plan.Range;
import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Attention of a pass's rows over one sequence's stored keys and values, once they lie in memory:
 * what stores that attend on the host share. Knows which tokens each row sees, and leaves heads and
 * rows without any neutral.
 */
public final class RegionAttention {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final KvLayout layout;
  private final Kernels kernels;
  private final long tokenStride;
  private final long headStride;
  private final long queryStride;
  private final long stateStride;
  private final int[] lengths;

  /**
   * @param tokenStride bytes from one token's head to the next token's
   * @param headStride bytes from one head to the next
   */
  public RegionAttention(KvLayout layout, Kernels kernels, long tokenStride, long headStride) {
    this.layout = layout;
    this.kernels = kernels;
    this.tokenStride = tokenStride;
    this.headStride = headStride;
    queryStride = (long) layout.heads() * layout.headDim() * Float.BYTES;
    stateStride = 2L * layout.heads() * Float.BYTES;
    lengths = new int[layout.rowsPerPass()];
  }

  /**
   * How many of the region's tokens the sequence of that row has stored; 0 if it is none of the
   * region's.
   */
  public int stored(Rows rows, int row) {
    var region = layout.region();
    if (!region.sequences().contains(rows.slot(row))) {
      return 0;
    }
    Range tokens = region.tokens();
    return Math.max(0, Math.min(rows.start(row), tokens.to()) - tokens.from());
  }

  /** Writes the neutral partial result for rows {@code from .. to}. */
  public void neutral(int from, int to, Partial into) {
    for (int row = from; row < to; row++) {
      neutralHeads(row, 0, layout.heads(), into);
    }
  }

  /**
   * Attends with rows {@code from .. to} of one sequence.
   *
   * @param keys where the region's first token's first head lies in {@code memory}
   * @param stored the region's tokens that lie there
   */
  public void attend(
      Rows rows,
      int from,
      int to,
      MemorySegment queries,
      MemorySegment memory,
      long keys,
      long values,
      int stored,
      Partial into) {
    var heads = layout.region().heads();
    int group = layout.groupSize();
    for (int row = from; row < to; row++) {
      neutralHeads(row, 0, heads.from() * group, into);
      neutralHeads(row, heads.to() * group, layout.heads(), into);
    }
    if (skipped(rows, to - 1) <= 0) {
      for (int row = from; row < to; row++) {
        lengths[row] = stored;
      }
      attend(from, to, queries, memory, keys, values, into);
      return;
    }
    for (int row = from;
        row < to;
        row++) { // each row sees another part: from where its window begins
      int skip = Math.min(stored, Math.max(0, skipped(rows, row)));
      lengths[row] = stored - skip;
      if (skip == stored) {
        neutralHeads(row, 0, layout.heads(), into);
      } else {
        attend(
            row,
            row + 1,
            queries,
            memory,
            keys + skip * tokenStride,
            values + skip * tokenStride,
            into);
      }
    }
  }

  /** Tokens of the region that lie before the row's window. */
  private int skipped(Rows rows, int row) {
    return rows.position(row) - layout.window() + 1 - layout.region().tokens().from();
  }

  private void attend(
      int from,
      int to,
      MemorySegment queries,
      MemorySegment memory,
      long keys,
      long values,
      Partial into) {
    var heads = layout.region().heads();
    kernels.attention(
        queries,
        from * queryStride,
        queryStride,
        memory,
        keys,
        memory,
        values,
        layout.type(),
        tokenStride,
        headStride,
        lengths,
        from,
        layout.scale(),
        into.o(),
        from * queryStride,
        queryStride,
        into.state(),
        from * stateStride,
        to - from,
        layout.heads(),
        layout.kvHeads(),
        heads.from(),
        heads.to(),
        layout.headDim());
  }

  private void neutralHeads(int row, int from, int to, Partial into) {
    for (int head = from; head < to; head++) {
      long at = row * stateStride + 2L * head * Float.BYTES;
      into.state().set(F32, at, Float.NEGATIVE_INFINITY);
      into.state().set(F32, at + Float.BYTES, 0);
    }
  }
}
