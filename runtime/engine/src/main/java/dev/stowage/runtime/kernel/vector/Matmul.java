package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static dev.stowage.runtime.kernel.vector.Tiles.PANEL_DEPTH;
import static dev.stowage.runtime.kernel.vector.Tiles.PANEL_OUTPUTS;
import static dev.stowage.runtime.kernel.vector.Tiles.SIDE;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Linear layer, shared out over ranges of outputs.
 *
 * <p>Every element is one vector accumulator that walks over k in steps of the lane count, in the
 * order in which the type's numbers come out of their words ({@link Pairs}), its lanes folded once,
 * then the rest of k and the bias added one by one. Both paths below keep that order, so they agree
 * to the bit; the latency of the fused multiply-add is hidden by working on several elements at a
 * time instead of several accumulators per element.
 *
 * <p>Quantized weights are restored to floats first, {@code min + scale · code} rounded once, and
 * multiplied like others: taking the min out of a group's sum would save an operation, but round
 * otherwise than the panels do.
 *
 * <ul>
 *   <li>One row, or up to four: two or four outputs at a time, weights read where they lie and
 *       widened in registers, so that memory is read while rows are multiplied.
 *   <li>Few rows: eight at a time, {@link Octets}, weights widened in registers too. They take k in
 *       chunks of {@value #CHUNK}, so that activations stay in the first-level cache, and some
 *       outputs at a time, whose weights are read into the second-level cache ahead ({@link
 *       ReadAhead}).
 *   <li>Many rows, and types whose groups are cut or nested: weights are widened once into panels
 *       of {@value Tiles#PANEL_OUTPUTS} outputs, of which a stack of {@value #STACK} by {@value
 *       #CHUNKS} fits the second-level cache, beside a block of {@value #BLOCK_ROWS} activation
 *       rows. One panel fits the first-level cache; all rows of the block pass it by, three at a
 *       time ({@link Tiles}).
 * </ul>
 *
 * <p>All of that is one array of at least {@value #LEAST_FLOATS} floats: G1 places one so large at
 * the beginning of a region, others anywhere that {@code -XX:ObjectAlignmentInBytes=32} allows;
 * either way vectors in it cross no cache line.
 */
final class Matmul {
  /**
   * Widens {@code n} numbers of a weight row of {@code width}, from the {@code first} on, which
   * begins a group, into a tile of a panel. Returns whether there was one that panels cannot hold.
   * An interface, so that C2 compiles each type's loop by itself: several inlined into one method
   * exceed its node limit, and vectors then become objects.
   */
  private interface LayOut {
    boolean run(MemorySegment w, long row, int width, int first, float[] to, int at, int n);
  }

  /**
   * Adds four interleaved activation rows times a part of two weight rows to [4, 2, LANES] sums
   * left unfolded.
   *
   * @param again the same array as {@code x}. Both weight rows need each vector of activations, and
   *     C2 would load it once for both, so all of them first, for which there are not registers
   *     enough. Of what it does not know to be the same array it loads each by itself, as operand
   *     of a multiply-add.
   */
  interface Quad {
    void run(
        float[] x,
        float[] again,
        int x0,
        MemorySegment w,
        long w0,
        long w1,
        int n,
        float[] sum,
        int sum0);
  }

  /** {@link Octets} of a type. */
  private interface Octet {
    void run(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0);
  }

  /**
   * How a type is multiplied.
   *
   * @param few rows up to which weights are widened in registers; 0 for panels even for one row
   * @param quad null where octets take four rows too
   */
  private record Type(int few, Quad quad, Octet octet, LayOut layOut) {}

  /** Rows for which widening plain weights once does not pay for the detour through memory. */
  private static final int FEW_ROWS = 64;

  private static final Type F32 =
      new Type(
          FEW_ROWS,
          Matmul::quadF32,
          Octets::f32,
          (w, row, width, first, to, at, n) -> {
            layOutF32(w, row + 4L * first, to, at, SIDE, n);
            return false;
          });

  private static final Type F16 =
      new Type(
          FEW_ROWS,
          Pairs::quadF16,
          Octets::f16,
          (w, row, width, first, to, at, n) ->
              Pairs.layOutF16(w, row + 2L * first, to, at, SIDE, n));

  private static final Type BF16 =
      new Type(
          FEW_ROWS,
          Pairs::quadBf16,
          Octets::bf16,
          (w, row, width, first, to, at, n) ->
              Pairs.layOutBf16(w, row + 2L * first, to, at, SIDE, n));

  private static final LayOut INT8_PANEL =
      (w, row, width, first, to, at, n) -> {
        Dequantize.int8(w, row, width, first, to, at, SIDE, n);
        return false;
      };

  private static final LayOut INT4_PANEL =
      (w, row, width, first, to, at, n) -> {
        Dequantize.int4(w, row, width, first, to, at, SIDE, n);
        return false;
      };

  private static final LayOut INT4_WORDS_PANEL =
      (w, row, width, first, to, at, n) -> {
        Nibbles.layOutInt4(w, row + ElementType.INT4.rowBytes(first), to, at, SIDE, n);
        return false;
      };

  private static final LayOut Q4_0_WORDS_PANEL =
      (w, row, width, first, to, at, n) -> {
        Nibbles.layOutQ40(w, row + ElementType.Q4_0.rowBytes(first), to, at, SIDE, n);
        return false;
      };

  private static final Type INT8_GROUPS =
      new Type(8, Dequantize::quadInt8, Octets::int8, INT8_PANEL);
  private static final Type INT4_WORDS = new Type(16, null, Octets::int4, INT4_WORDS_PANEL);
  private static final Type Q8_0_BLOCKS =
      new Type(16, Dequantize::quadQ80, Octets::q80, decoding(ElementType.Q8_0));
  private static final Type Q4_0_WORDS = new Type(16, null, Octets::q40, Q4_0_WORDS_PANEL);

  private static final Type INT8 = new Type(0, null, null, INT8_PANEL);
  private static final Type INT4 = new Type(0, null, null, INT4_PANEL);
  private static final Type Q8_0 = new Type(0, null, null, decoding(ElementType.Q8_0));
  private static final Type Q4_0 = new Type(0, null, null, decoding(ElementType.Q4_0));
  private static final Type Q4_K = new Type(0, null, null, decoding(ElementType.Q4_K));
  private static final Type Q6_K = new Type(0, null, null, decoding(ElementType.Q6_K));

  private static LayOut decoding(ElementType type) {
    return (w, row, width, first, to, at, n) -> {
      Dequantize.blocks(type, w, row + type.rowBytes(first), to, at, SIDE, n);
      return false;
    };
  }

  private static final int QUAD = 4;

  /** Outputs of a quad, and of one row at a time. */
  private static final int DOT_OUTPUTS = 2;

  /** The same of one row of 16-bit weights. */
  private static final int PAIRED_OUTPUTS = 4;

  /** Numbers of each row for which eight activation rows stay in the first-level cache. */
  private static final int CHUNK = 512;

  /** Numbers of each weight row that are read from memory before they are multiplied. */
  private static final int READ_AHEAD = 4 * CHUNK;

  /** Panels laid out at a time, beside each other. */
  private static final int STACK = 2;

  /** Panels laid out at a time, one after the other along k. */
  private static final int CHUNKS = 2;

  private static final int STACK_OUTPUTS = STACK * PANEL_OUTPUTS;
  private static final int STACK_DEPTH = CHUNKS * PANEL_DEPTH;
  private static final int PANEL_FLOATS = PANEL_OUTPUTS * PANEL_DEPTH;
  private static final int STACK_FLOATS = STACK * CHUNKS * PANEL_FLOATS;

  /** Accumulators of one tile of rows and all outputs of a stack. */
  private static final int STRIPE_FLOATS = STACK * Tiles.PANEL_TILES * Tiles.ACCUMULATORS;

  /** Activation rows for which panels pass from the second-level cache to the first. */
  private static final int BLOCK_ROWS = 63;

  /** Activations copied to the heap at a time: 16 MiB. */
  private static final int MOST_FLOATS = 1 << 22;

  private static final int LEAST_FLOATS = 1 << 20;

  /** Floats from an array's header to where vectors cross no cache line. */
  private static final int ALIGN = 4;

  /** Multiply-adds below which a second thread does not pay. */
  private static final long SERIAL_WORK = 1 << 16;

  private final WorkerPool pool;
  private final float[][] sums; // worker -> [PAIRED_OUTPUTS, LANES]
  private final ReadAhead[] ahead; // worker -> what of the weights comes next
  private final WorkerPool.Task layOut = (worker, first, last) -> layOut(first, last);

  // Tasks of their own, so that C2 does not inline what all of them call into one method. One row
  // has one for each type: a loop over two types' rows would inline both, exceed C2's node limit in
  // some runs, and vectors then become objects.
  private final WorkerPool.Task[] singles = new WorkerPool.Task[ElementType.values().length];
  private final WorkerPool.Task few = this::few;
  private final WorkerPool.Task many = this::many;

  /**
   * Panels and accumulators, worker by worker, the accumulators {@code [tile of rows, stack, tile
   * of outputs, row, output, LANES]}; activations in chunks of {@link Tiles#PANEL_DEPTH}, in each
   * the rows as tiles take them, those left over by themselves, or, for few rows, whole rows; and
   * what vectors leave of each row.
   */
  private float[] heap = new float[0];

  private float[] heapAgain = heap; // always the same: see Quad
  private int workerFloats;
  private int activations; // where they begin
  private int rests; // where what vectors leave begins

  private MemorySegment x;
  private long xOffset;
  private long xStride;
  private MemorySegment w;
  private long wOffset;
  private ElementType type;
  private Type kernels;
  private MemorySegment bias;
  private long biasOffset;
  private MemorySegment out;
  private long outOffset;
  private long outStride;
  private int k;
  private int from;
  private int blockRows;
  private long rowBytes;
  private int bound; // of k; what lies beyond is added one by one

  Matmul(WorkerPool pool) {
    this.pool = pool;
    ahead = new ReadAhead[pool.threads()];
    Arrays.setAll(ahead, worker -> new ReadAhead());
    sums = new float[pool.threads()][PAIRED_OUTPUTS * LANES];
    singles[ElementType.F32.ordinal()] = this::singleF32;
    singles[ElementType.F16.ordinal()] = this::singleF16;
    singles[ElementType.BF16.ordinal()] = this::singleBf16;
    singles[ElementType.INT8.ordinal()] = this::singleInt8;
    singles[ElementType.INT4.ordinal()] = this::singleInt4;
    singles[ElementType.Q8_0.ordinal()] = this::singleQ80;
    singles[ElementType.Q4_0.ordinal()] = this::singleQ40;
  }

  void run(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment w,
      long wOffset,
      ElementType type,
      MemorySegment bias,
      long biasOffset,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int k,
      int from,
      int to) {
    this.x = x;
    this.xStride = xStride;
    this.w = w;
    this.wOffset = wOffset;
    this.type = type;
    boolean wholeGroups = k % ElementType.GROUP == 0;
    kernels =
        switch (type) {
          case F32 -> F32;
          case F16 -> F16;
          case BF16 -> BF16;
          case INT8 -> Dequantize.WIDE && wholeGroups ? INT8_GROUPS : INT8;
          case INT4 -> Nibbles.FIT && wholeGroups ? INT4_WORDS : INT4;
          case Q8_0 -> Dequantize.WIDE ? Q8_0_BLOCKS : Q8_0;
          case Q4_0 -> Nibbles.FIT && wholeGroups ? Q4_0_WORDS : Q4_0;
          case Q4_K -> Q4_K;
          case Q6_K -> Q6_K;
        };
    this.bias = bias;
    this.biasOffset = biasOffset;
    this.out = out;
    this.outStride = outStride;
    this.k = k;
    rowBytes = type.rowBytes(k);
    bound = paired() ? k / Pairs.BLOCK * Pairs.BLOCK : F.loopBound(k);
    this.from = from;
    int most = Math.max(1, MOST_FLOATS / Math.max(1, k));
    for (int row = 0; row < rows; row += blockRows) {
      blockRows = Math.min(most, rows - row);
      this.outOffset = outOffset + row * outStride;
      this.xOffset = xOffset + row * xStride;
      fit();
      pool.run(layOut, blockRows, (long) blockRows * k < SERIAL_WORK ? blockRows : 1);
      var task = inPanels() ? many : blockRows > 1 ? few : singles[type.ordinal()];
      pool.run(task, to - from, grain(to - from));
    }
    this.x = null; // a segment is not kept reachable beyond the call
    this.w = null;
    this.bias = null;
    this.out = null;
  }

  private boolean inPanels() {
    return blockRows > kernels.few;
  }

  private boolean paired() {
    return type == ElementType.F16 || type == ElementType.BF16;
  }

  /** The rows that are taken eight at a time, the last of which may be missing. */
  private int octetRows() {
    int rest = blockRows % Octets.ROWS;
    return rest <= QUAD && kernels.quad != null ? blockRows - rest : blockRows;
  }

  /** Rows interleaved with this one. */
  private int interleaved(int row) {
    if (inPanels()) {
      return row < tiledRows() ? SIDE : 1;
    }
    return blockRows == 1 ? 1 : row < octetRows() ? Octets.ROWS : QUAD;
  }

  private void fit() {
    int lastRow = blockRows - 1;
    int group = interleaved(lastRow);
    int padded = (lastRow / group + 1) * group;
    if (inPanels()) {
      workerFloats = STACK_FLOATS + (blockRows + SIDE - 1) / SIDE * STRIPE_FLOATS;
    } else {
      workerFloats = blockRows > 1 ? padded * STACK_OUTPUTS * LANES : 0;
    }
    activations = ALIGN + pool.threads() * workerFloats;
    rests = activations + padded * bound;
    int floats = rests + blockRows * (k - bound);
    if (heap.length < floats) {
      heap = new float[Math.max(LEAST_FLOATS, floats)];
      heapAgain = heap;
    }
    if (padded > blockRows) {
      Arrays.fill(heap, activations + (padded - group) * bound, rests, 0f);
    }
  }

  /** Copies rows of the block of activations. */
  private void layOut(int first, int last) {
    for (int r = first; r < last; r++) {
      long row = xOffset + r * xStride;
      if (inPanels()) {
        int group = interleaved(r);
        for (int i = 0; i < bound; i += PANEL_DEPTH) {
          int depth = Math.min(PANEL_DEPTH, bound - i);
          int at = activations(i, r - r % group, depth) + r % group * LANES;
          layOut(row + 4L * i, at, group, depth);
        }
      } else {
        int group = interleaved(r);
        layOut(row, activations + (r - r % group) * bound + r % group * LANES, group, bound);
      }
      MemorySegment.copy(
          x, Elements.F32, row + 4L * bound, heap, rests + r * (k - bound), k - bound);
    }
  }

  private void layOut(long from, int at, int step, int n) {
    if (paired()) {
      float factor = type == ElementType.F16 ? Pairs.ACTIVATION_SCALE : 1;
      Pairs.layOut(x, from, factor, heap, at, step, n);
    } else if (kernels == INT4_WORDS || kernels == Q4_0_WORDS) {
      Nibbles.layOut(type, x, from, heap, at, step, n);
    } else {
      layOutF32(x, from, heap, at, step, n);
    }
  }

  private static void layOutF32(
      MemorySegment from, long offset, float[] to, int at, int step, int n) {
    for (int i = 0; i < n; i += LANES) {
      Lanes.f32(from, offset + 4L * i).intoArray(to, at + i * step);
    }
  }

  /** Rows that tiles take; those left over are taken one by one. */
  private int tiledRows() {
    return blockRows / SIDE * SIDE;
  }

  /** Where the rows from {@code row} on lie in the chunk of k that begins at {@code i}. */
  private int activations(int i, int row, int depth) {
    return activations + blockRows * i + row * depth;
  }

  /** About eight pieces a thread, in whole stacks of panels. */
  private int grain(int outputs) {
    if ((long) outputs * k * blockRows < SERIAL_WORK) {
      return Math.max(1, outputs);
    }
    int pieces = pool.threads() * 8;
    int stacksEach = (outputs / pieces + STACK_OUTPUTS - 1) / STACK_OUTPUTS;
    return Math.max(1, stacksEach) * STACK_OUTPUTS;
  }

  /** Few rows times outputs. */
  private void few(int worker, int first, int last) {
    if (octetRows() > 0) {
      int outputs = Math.min(STACK_OUTPUTS, last - first);
      long bytes = type.rowBytes(Math.min(READ_AHEAD, bound));
      ahead[worker].begin(
          w, type == ElementType.F16, weightRow(first), rowBytes, outputs, bytes, 1);
    }
    for (int o = first; o < last; o += STACK_OUTPUTS) {
      int following = last - o - STACK_OUTPUTS;
      octets(worker, o, Math.min(STACK_OUTPUTS, last - o), Math.min(STACK_OUTPUTS, following));
    }
    ahead[worker].finish();
  }

  /** Many rows times outputs. */
  private void many(int worker, int first, int last) {
    for (int o = first; o < last; o += STACK_OUTPUTS) {
      stack(ALIGN + worker * workerFloats, o, Math.min(STACK_OUTPUTS, last - o));
    }
  }

  // ---- one row: two or four weight rows at a time, the last of which repeats missing ones ----

  private void singleF32(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += DOT_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      boolean special = dotF32(heap, activations, w, w0, w1, bound, sum);
      finishSingle(o, Math.min(DOT_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleF16(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += PAIRED_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      long w2 = weightRow(Math.min(o + 2, last - 1));
      long w3 = weightRow(Math.min(o + 3, last - 1));
      boolean special = Pairs.dotF16(heap, activations, w, w0, w1, w2, w3, bound, sum);
      finishSingle(o, Math.min(PAIRED_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleBf16(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += PAIRED_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      long w2 = weightRow(Math.min(o + 2, last - 1));
      long w3 = weightRow(Math.min(o + 3, last - 1));
      boolean special = Pairs.dotBf16(heap, activations, w, w0, w1, w2, w3, bound, sum);
      finishSingle(o, Math.min(PAIRED_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleInt8(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += DOT_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      boolean special = Dequantize.dotInt8(heap, activations, w, w0, w1, bound, sum);
      finishSingle(o, Math.min(DOT_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleInt4(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += DOT_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      boolean special = Nibbles.dotInt4(heap, activations, w, w0, w1, bound, sum);
      finishSingle(o, Math.min(DOT_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleQ80(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += DOT_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      boolean special = Dequantize.dotQ80(heap, activations, w, w0, w1, bound, sum);
      finishSingle(o, Math.min(DOT_OUTPUTS, last - o), special, sum);
    }
  }

  private void singleQ40(int worker, int first, int last) {
    var sum = sums[worker];
    for (int o = first; o < last; o += DOT_OUTPUTS) {
      long w0 = weightRow(o);
      long w1 = weightRow(Math.min(o + 1, last - 1));
      boolean special = Nibbles.dotQ40(heap, activations, w, w0, w1, bound, sum);
      finishSingle(o, Math.min(DOT_OUTPUTS, last - o), special, sum);
    }
  }

  private void finishSingle(int output, int outputs, boolean special, float[] sum) {
    fold(sum, 0, outputs);
    finish(0, output, outputs, special, sum, 0);
  }

  // ---- few rows ----

  /**
   * All rows times up to {@value #STACK_OUTPUTS} weight rows, a chunk of k after the other, so that
   * the activations of a group of rows stay in the first-level cache while weights pass them.
   *
   * <p>The worker's accumulators are {@code [group of rows, output, row, LANES]}.
   *
   * @param next outputs that follow, for {@link #readAhead}
   */
  private void octets(int worker, int output, int outputs, int next) {
    int accumulators = ALIGN + worker * workerFloats;
    Arrays.fill(heap, accumulators, accumulators + workerFloats, 0f);
    int octetRows = octetRows();
    int chunk = octetRows == 0 ? Math.max(1, bound) : CHUNK; // memory keeps up with four rows
    int special = 0; // a bit for each output with a weight that they cannot multiply
    for (int i = 0; i < bound; i += chunk) {
      int n = Math.min(chunk, bound - i);
      long first = type.rowBytes(i);
      if (octetRows > 0 && i % READ_AHEAD == 0) {
        special |= ahead[worker].finish();
        readAhead(worker, output, outputs, next, i);
      }
      for (int r = 0; r < octetRows; r += Octets.ROWS) {
        int x0 = activations + r * bound + Octets.ROWS * i;
        for (int j = 0; j < outputs; j++) {
          int at = accumulators + accumulator(r, j, octetRows);
          kernels.octet.run(heap, x0, w, weightRow(output + j) + first, n, heap, at);
          ahead[worker].step();
        }
      }
      if (octetRows < blockRows) {
        int x0 = activations + octetRows * bound + QUAD * i;
        for (int j = 0; j < outputs; j += DOT_OUTPUTS) {
          long w0 = weightRow(output + j) + first;
          long w1 = weightRow(output + Math.min(j + 1, outputs - 1)) + first;
          int at = accumulators + accumulator(octetRows, j, octetRows);
          kernels.quad.run(heap, heapAgain, x0, w, w0, w1, n, heap, at);
        }
      }
    }
    if (octetRows == 0) {
      special = special(output, outputs);
    }
    fold(heap, accumulators, workerFloats / LANES);
    for (int r = 0; r < blockRows; r++) {
      if (r < octetRows && bound == k) {
        storeSums(r, output, outputs, accumulators + accumulator(r, 0, octetRows) / LANES);
        continue;
      }
      for (int j = 0; j < outputs; j++) {
        finish(r, output + j, heap[accumulators + accumulator(r, j, octetRows) / LANES]);
      }
    }
    for (int j = 0; special != 0 && j < outputs; j++) {
      if ((special & 1 << j) != 0) {
        for (int r = 0; r < blockRows; r++) {
          oneByOne(r, output + j);
        }
      }
    }
  }

  /** As {@link #finish} of a row of an octet, of whose k vectors left nothing. */
  private void storeSums(int row, int output, int outputs, int at) {
    var sums = heap;
    var out = this.out;
    var bias = this.bias;
    float scale = type == ElementType.F16 ? Pairs.SUM_SCALE : 1;
    long to = outOffset + row * outStride + 4L * (from + output);
    long biases = biasOffset + 4L * output;
    for (int j = 0; j < outputs; j++) {
      float sum = sums[at + j * Octets.ROWS] * scale;
      out.set(
          Elements.F32,
          to + 4L * j,
          bias == null ? sum : sum + bias.get(Elements.F32, biases + 4L * j));
    }
  }

  /** A bit for each of some weight rows that has an F16 weight that is Inf or NaN. */
  private int special(int output, int outputs) {
    int special = 0;
    for (int j = 0; j < outputs && type == ElementType.F16; j++) {
      special |= Pairs.special(w, weightRow(output + j), bound) ? 1 << j : 0;
    }
    return special;
  }

  /**
   * Has what follows {@value #READ_AHEAD} numbers of some rows read while they are multiplied: the
   * next numbers, or, if there are none, the first of the next outputs.
   *
   * @param next how many outputs follow
   */
  private void readAhead(int worker, int output, int outputs, int next, int first) {
    boolean halves = type == ElementType.F16;
    int n = Math.min(READ_AHEAD, bound - first);
    int octets = (octetRows() + Octets.ROWS - 1) / Octets.ROWS;
    int calls = (n + CHUNK - 1) / CHUNK * octets * outputs;
    int then = first + n;
    if (then < bound) {
      long bytes = type.rowBytes(Math.min(READ_AHEAD, bound - then));
      long from = weightRow(output) + type.rowBytes(then);
      ahead[worker].begin(w, halves, from, rowBytes, outputs, bytes, calls);
    } else if (next > 0) {
      long bytes = type.rowBytes(Math.min(READ_AHEAD, bound));
      ahead[worker].begin(w, halves, weightRow(output + outputs), rowBytes, next, bytes, calls);
    }
  }

  /** Where the accumulator of a row and an output lies among those of few rows. */
  private static int accumulator(int row, int output, int octetRows) {
    if (row < octetRows) {
      int octet = row / Octets.ROWS * STACK_OUTPUTS + output;
      return (octet * Octets.ROWS + row % Octets.ROWS) * LANES;
    }
    int first = octetRows * STACK_OUTPUTS;
    int quad = output / DOT_OUTPUTS * QUAD + row - octetRows;
    return (first + quad * DOT_OUTPUTS + output % DOT_OUTPUTS) * LANES;
  }

  /** Replaces vectors by the sums of their lanes, in a loop of its own, so that they overlap. */
  private static void fold(float[] sum, int from, int count) {
    for (int i = 0; i < count; i++) {
      sum[from + i] = Lanes.sum(sum, from + i * LANES); // never before it is read
    }
  }

  /**
   * @param special whether one of the weight rows has a weight that is Inf or NaN
   * @param sum of each output, from {@code at} on
   */
  private void finish(int row, int output, int outputs, boolean special, float[] sum, int at) {
    for (int j = 0; j < outputs; j++) {
      if (special && Pairs.special(w, weightRow(output + j), bound)) {
        oneByOne(row, output + j);
      } else {
        finish(row, output + j, sum[at + j]);
      }
    }
  }

  /**
   * One activation row times two weight rows, [2, LANES] sums left unfolded. Returns whether there
   * was a weight that it cannot multiply.
   */
  private static boolean dotF32(
      float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    for (int i = 0; i != n; i += LANES) {
      var xi = FloatVector.fromArray(F, x, x0 + i);
      s0 = xi.fma(Lanes.f32(w, w0 + 4L * i), s0);
      s1 = xi.fma(Lanes.f32(w, w1 + 4L * i), s1);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  static void quadF32(
      float[] x,
      float[] again,
      int x0,
      MemorySegment w,
      long w0,
      long w1,
      int n,
      float[] sum,
      int sum0) {
    var s00 = FloatVector.fromArray(F, sum, sum0);
    var s01 = FloatVector.fromArray(F, sum, sum0 + LANES);
    var s10 = FloatVector.fromArray(F, sum, sum0 + 2 * LANES);
    var s11 = FloatVector.fromArray(F, sum, sum0 + 3 * LANES);
    var s20 = FloatVector.fromArray(F, sum, sum0 + 4 * LANES);
    var s21 = FloatVector.fromArray(F, sum, sum0 + 5 * LANES);
    var s30 = FloatVector.fromArray(F, sum, sum0 + 6 * LANES);
    var s31 = FloatVector.fromArray(F, sum, sum0 + 7 * LANES);
    for (int i = 0; i != QUAD * n; i += QUAD * LANES) {
      int at = x0 + i & Tiles.NO_OVERFLOW;
      var v = Lanes.f32(w, w0 + i);
      s00 = v.fma(FloatVector.fromArray(F, x, at), s00);
      s10 = v.fma(FloatVector.fromArray(F, x, at + LANES), s10);
      s20 = v.fma(FloatVector.fromArray(F, x, at + 2 * LANES), s20);
      s30 = v.fma(FloatVector.fromArray(F, x, at + 3 * LANES), s30);
      v = Lanes.f32(w, w1 + i);
      s01 = v.fma(FloatVector.fromArray(F, again, at), s01);
      s11 = v.fma(FloatVector.fromArray(F, again, at + LANES), s11);
      s21 = v.fma(FloatVector.fromArray(F, again, at + 2 * LANES), s21);
      s31 = v.fma(FloatVector.fromArray(F, again, at + 3 * LANES), s31);
    }
    s00.intoArray(sum, sum0);
    s01.intoArray(sum, sum0 + LANES);
    s10.intoArray(sum, sum0 + 2 * LANES);
    s11.intoArray(sum, sum0 + 3 * LANES);
    s20.intoArray(sum, sum0 + 4 * LANES);
    s21.intoArray(sum, sum0 + 5 * LANES);
    s30.intoArray(sum, sum0 + 6 * LANES);
    s31.intoArray(sum, sum0 + 7 * LANES);
  }

  // ---- many rows ----

  /**
   * All rows times up to {@value #STACK_OUTPUTS} weight rows.
   *
   * @param panels where the worker's panels begin; its accumulators follow
   */
  private void stack(int panels, int output, int outputs) {
    int accumulators = panels + STACK_FLOATS;
    Arrays.fill(heap, accumulators, panels + workerFloats, 0f);
    int special = 0; // a bit for each output with a weight that panels cannot hold
    for (int i = 0; i < bound; i += STACK_DEPTH) {
      int depth = Math.min(STACK_DEPTH, bound - i);
      for (int j = 0; j < outputs; j++) {
        if (layOutWeights(panels, output + j, j, i, depth)) {
          special |= 1 << j;
        }
      }
      for (int row = 0; row < blockRows; row += BLOCK_ROWS) {
        int last = Math.min(blockRows, row + BLOCK_ROWS);
        for (int c = 0; c < depth; c += PANEL_DEPTH) {
          int n = Math.min(PANEL_DEPTH, depth - c);
          for (int j = 0; j < outputs; j += PANEL_OUTPUTS) {
            int panel = panels + (c / PANEL_DEPTH * STACK + j / PANEL_OUTPUTS) * PANEL_FLOATS;
            int sum = accumulators + j / SIDE * Tiles.ACCUMULATORS;
            panel(panel, i + c, n, row, last, sum);
          }
        }
      }
    }
    for (int r = 0; r < blockRows; r++) {
      for (int j = 0; j < outputs; j++) {
        if ((special & 1 << j) != 0) {
          oneByOne(r, output + j);
        } else {
          int at = accumulators + accumulator(r, j);
          finish(r, output + j, Lanes.sum(heap, at));
        }
      }
    }
  }

  /** Widens a part of a weight row into the {@code j}-th row of every panel that it crosses. */
  private boolean layOutWeights(int panels, int output, int j, int first, int depth) {
    int tile = j / PANEL_OUTPUTS * PANEL_FLOATS + j % PANEL_OUTPUTS / SIDE * Tiles.TILE_FLOATS;
    int at = panels + tile + j % SIDE * LANES;
    boolean special = false;
    for (int c = 0; c < depth; c += PANEL_DEPTH, at += STACK * PANEL_FLOATS) {
      int n = Math.min(PANEL_DEPTH, depth - c);
      special |= kernels.layOut.run(w, weightRow(output), k, first + c, heap, at, n);
    }
    return special;
  }

  /** Rows {@code [row, last)} times a panel. */
  private void panel(int panel, int first, int depth, int row, int last, int sum) {
    int r = row;
    for (int tiled = Math.min(last, tiledRows()); r < tiled; r += SIDE) {
      int x0 = activations(first, r, depth);
      int at = sum + r / SIDE * STRIPE_FLOATS;
      for (int t = 0; t < Tiles.PANEL_TILES; t++) {
        int w0 = panel + t * Tiles.TILE_FLOATS;
        Tiles.tile(heap, w0, heap, x0, depth, heap, at + t * Tiles.ACCUMULATORS);
      }
    }
    for (; r < last; r++) {
      int x0 = activations(first, r, depth);
      Tiles.single(heap, panel, heap, x0, depth, heap, sum + accumulator(r, 0));
    }
  }

  /** Where the accumulator of a row and an output of the stack lies among them. */
  private static int accumulator(int row, int output) {
    int tile = row / SIDE * STRIPE_FLOATS + output / SIDE * Tiles.ACCUMULATORS;
    return tile + (row % SIDE * SIDE + output % SIDE) * LANES;
  }

  // ---- both ----

  /** Adds what the vectors left of k, then the bias, and stores. */
  private void finish(int row, int output, float folded) {
    float sum = type == ElementType.F16 ? folded * Pairs.SUM_SCALE : folded;
    for (int i = bound; i < k; i++) {
      float weight = Elements.get(type, w, weightRow(output), k, i);
      sum = Math.fma(heap[rests + row * (k - bound) + i - bound], weight, sum);
    }
    store(row, output, sum);
  }

  /** A product with Inf or NaN among the weights: whatever the order, it is not finite. */
  private void oneByOne(int row, int output) {
    float sum = 0;
    for (int i = 0; i < k; i++) {
      float activation = x.get(Elements.F32, xOffset + row * xStride + 4L * i);
      sum = Math.fma(activation, Elements.get(type, w, weightRow(output), k, i), sum);
    }
    store(row, output, sum);
  }

  private void store(int row, int output, float sum) {
    float biased = bias == null ? sum : sum + bias.get(Elements.F32, biasOffset + 4L * output);
    out.set(Elements.F32, outOffset + row * outStride + 4L * (from + output), biased);
  }

  private long weightRow(int output) {
    return wOffset + output * rowBytes;
  }
}
