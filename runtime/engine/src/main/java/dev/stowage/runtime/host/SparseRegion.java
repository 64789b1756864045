package dev.stowage.runtime.host;

import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.sparse.SparseAttention;
import dev.stowage.runtime.sparse.StoredHead;
import dev.stowage.runtime.sparse.StoredNumbers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a region in host memory keeps besides keys and values by token, for attention that reads a
 * part of them, behind those: for every layer and slot (a box) the keys {@code [head, channel,
 * token]}, then for every box the sum of its values {@code [head, headDim]}, F32.
 */
final class SparseRegion {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort BITS = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED;

  /** Tokens whose scores stay in the fastest cache while the channels pass. */
  private static final int RUN = 512;

  private final KvLayout layout;
  private final MemorySegment memory;
  private final SparseAttention attention;
  private final StoredNumbers numbers;
  private final Head head = new Head();
  private final int width;
  private final int tokens;
  private final int heads;
  private final int numberBytes;
  private final long rowBytes;
  private final long headBytes;
  private final long columnsAt;
  private final long sumsAt;
  private final float[] q;
  private final float[] o;
  private final float[] state;
  private final float[] row;

  /**
   * @param columnsAt where the keys by channel begin, behind the keys and values by token
   */
  SparseRegion(KvLayout layout, Sparsity sparsity, MemorySegment memory, long columnsAt) {
    this.layout = layout;
    this.memory = memory;
    this.columnsAt = columnsAt;
    width = layout.headDim();
    tokens = layout.region().tokens().size();
    heads = layout.region().heads().size();
    numberBytes = layout.type().bytes();
    rowBytes = (long) width * numberBytes;
    headBytes = rowBytes * tokens;
    sumsAt = columnsAt + columnsAt / 2;
    int group = layout.groupSize();
    attention = new SparseAttention(sparsity, width, group, tokens, layout.scale());
    numbers = new StoredNumbers(layout.type(), Math.max(width, tokens));
    q = new float[group * width];
    o = new float[group * width];
    state = new float[2 * group];
    row = new float[width];
  }

  /**
   * Takes note of tokens that were just written by token.
   *
   * @param from of the region's tokens
   */
  void append(long box, int from, int count) {
    for (int h = 0; h < heads; h++) {
      long keys = (2 * box * heads + h) * headBytes;
      long columns = columnsAt + (box * heads + h) * headBytes;
      for (int t = from; t < from + count; t++) {
        transpose(keys + t * rowBytes, columns + (long) t * numberBytes);
        sum(keys + heads * headBytes + t * rowBytes, sumAt(box, h), t == 0);
      }
    }
  }

  private void transpose(long key, long column) {
    long stride = (long) tokens * numberBytes;
    for (int c = 0; c < width; c++) {
      if (numberBytes == Short.BYTES) {
        memory.set(BITS, column + c * stride, memory.get(BITS, key + 2L * c));
      } else {
        memory.set(WORD, column + c * stride, memory.get(WORD, key + 4L * c));
      }
    }
  }

  private void sum(long value, long at, boolean first) {
    numbers.read(memory, value, width, row, 0);
    for (int c = 0; c < width; c++) {
      float before = first ? 0 : memory.get(F32, at + 4L * c);
      memory.set(F32, at + 4L * c, before + row[c]);
    }
  }

  private long sumAt(long box, int h) {
    return sumsAt + (box * heads + h) * width * 4;
  }

  /**
   * Attends with one row over the region's heads.
   *
   * @param stored the region's tokens of the row's sequence
   */
  void attend(long box, int stored, Rows rows, int row, MemorySegment queries, Partial into) {
    var region = layout.region();
    int newer = rows.position(row) - region.tokens().from() - stored;
    int group = layout.groupSize();
    for (int h = 0; h < heads; h++) {
      long first = (long) row * layout.heads() + (long) (region.heads().from() + h) * group;
      MemorySegment.copy(queries, F32, 4 * first * width, q, 0, q.length);
      head.keys = (2 * box * heads + h) * headBytes;
      head.values = head.keys + heads * headBytes;
      head.columns = columnsAt + (box * heads + h) * headBytes;
      head.sum = sumAt(box, h);
      attention.attend(head, stored, newer, q, 0, o, 0, state, 0);
      MemorySegment.copy(o, 0, into.o(), F32, 4 * first * width, o.length);
      MemorySegment.copy(state, 0, into.state(), F32, 8 * first, state.length);
    }
  }

  /** The head at hand, by where its numbers begin in memory. */
  private final class Head implements StoredHead {
    private long keys;
    private long values;
    private long columns;
    private long sum;

    @Override
    public int run(int from) {
      return RUN;
    }

    @Override
    public void channel(int channel, int from, int to, float[] into) {
      long at = columns + ((long) channel * tokens + from) * numberBytes;
      numbers.read(memory, at, to - from, into, 0);
    }

    @Override
    public void key(int token, float[] into) {
      numbers.read(memory, keys + token * rowBytes, width, into, 0);
    }

    @Override
    public void value(int token, float[] into) {
      numbers.read(memory, values + token * rowBytes, width, into, 0);
    }

    @Override
    public void valueSum(float[] into) {
      MemorySegment.copy(memory, F32, sum, into, 0, width);
    }
  }
}
