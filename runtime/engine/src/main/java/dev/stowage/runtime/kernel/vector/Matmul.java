package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;

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
 *   <li>Few rows: two outputs at a time, weights read where they lie and widened in registers.
 *   <li>Many rows, and types of four to six bits: a panel of weights is widened once into a heap
 *       array that fits the first-level cache, then used by all rows in tiles of 4 outputs x 2 rows
 *       (12 x 1 for an odd last row): 8 accumulators, 4 weight and 2 activation vectors, since C2
 *       loads all operands of a step first. One accumulator more and it keeps some in memory, whose
 *       latency then is the speed of the whole.
 * </ul>
 *
 * <p>Loops over panels end at {@code i != n}, where n is a multiple of the step: C2 takes such a
 * loop as it is. One that ends at {@code i < n} it unrolls, loads everything first, and keeps in
 * memory what no register is left for, at half the speed. Indices are masked to less than 2^30, so
 * that C2 sees that a constant added to one does not overflow, and makes it part of the address.
 */
final class Matmul implements WorkerPool.Task {
  /**
   * One activation row times two weight rows of one element type, [2, LANES] sums left unfolded.
   * Returns whether there was a weight that it cannot multiply. An interface, so that C2 compiles
   * each type's loop by itself: two of them inlined into one method exceed its node limit, and
   * vectors then become objects.
   */
  private interface Dot {
    boolean run(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum);
  }

  /**
   * Widens {@code n} numbers of a weight row of {@code width}, from the {@code first} on, which
   * begins a group, into a panel. Returns whether there was one that panels cannot hold. An
   * interface for the same reason.
   */
  private interface LayOut {
    boolean run(MemorySegment w, long row, int width, int first, float[] to, int at, int n);
  }

  /** How a type is multiplied where rows are few, null for panels even then; and how laid out. */
  private record Type(Dot dot, LayOut layOut) {}

  private static final Type F32 =
      new Type(
          Matmul::dotF32,
          (w, row, width, first, to, at, n) -> {
            MemorySegment.copy(w, Elements.F32, row + 4L * first, to, at, n);
            return false;
          });

  private static final Type F16 =
      new Type(
          Pairs::dotF16,
          (w, row, width, first, to, at, n) -> Pairs.layOutF16(w, row + 2L * first, to, at, n));

  private static final Type BF16 =
      new Type(
          Pairs::dotBf16,
          (w, row, width, first, to, at, n) -> Pairs.layOutBf16(w, row + 2L * first, to, at, n));

  private static final LayOut INT8_PANEL =
      (w, row, width, first, to, at, n) -> {
        Dequantize.int8(w, row, width, first, to, at, n);
        return false;
      };

  private static final Type INT8_GROUPS = new Type(Dequantize::dotInt8, INT8_PANEL);
  private static final Type INT8 = new Type(null, INT8_PANEL);

  private static final Type INT4 =
      new Type(
          null,
          (w, row, width, first, to, at, n) -> {
            Dequantize.int4(w, row, width, first, to, at, n);
            return false;
          });

  private static final Type Q8_0 =
      new Type(Dequantize.WIDE ? Dequantize::dotQ80 : null, decoding(ElementType.Q8_0));
  private static final Type Q4_0 = new Type(null, decoding(ElementType.Q4_0));
  private static final Type Q4_K = new Type(null, decoding(ElementType.Q4_K));
  private static final Type Q6_K = new Type(null, decoding(ElementType.Q6_K));

  private static LayOut decoding(ElementType type) {
    return (w, row, width, first, to, at, n) -> {
      Dequantize.blocks(type, w, row + type.rowBytes(first), to, at, n);
      return false;
    };
  }

  /** From this many rows on, widening once pays for the detour through memory. */
  private static final int MANY_ROWS = 4;

  private static final int DOT_OUTPUTS = 2;
  private static final int TILE_OUTPUTS = 4;
  private static final int PANEL_OUTPUTS = 3 * TILE_OUTPUTS;
  private static final int PANEL_DEPTH = 512; // of k; a multiple of every block of Pairs
  private static final int NO_OVERFLOW = (1 << 30) - 1;

  /** Activations copied to the heap at a time: 4 MiB. */
  private static final int BLOCK_ELEMENTS = 1 << 20;

  /** Multiply-adds below which a second thread does not pay. */
  private static final long SERIAL_WORK = 1 << 16;

  private final WorkerPool pool;
  private final float[][] panels; // worker -> [PANEL_OUTPUTS, PANEL_DEPTH]
  private final float[][] accumulators; // worker -> [block rows + 1, PANEL_OUTPUTS, LANES]
  private final float[][] sums; // worker -> [DOT_OUTPUTS, LANES]
  private final WorkerPool.Task layOut = (worker, first, last) -> layOut(first, last);
  private float[] activations = new float[0]; // [block rows, k]

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
    panels = new float[pool.threads()][PANEL_OUTPUTS * PANEL_DEPTH];
    accumulators = new float[pool.threads()][0];
    sums = new float[pool.threads()][DOT_OUTPUTS * LANES];
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
    kernels =
        switch (type) {
          case F32 -> F32;
          case F16 -> F16;
          case BF16 -> BF16;
          case INT8 -> Dequantize.WIDE && k % ElementType.GROUP == 0 ? INT8_GROUPS : INT8;
          case INT4 -> INT4;
          case Q8_0 -> Q8_0;
          case Q4_0 -> Q4_0;
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
    int most = Math.max(1, BLOCK_ELEMENTS / Math.max(1, k));
    for (int row = 0; row < rows; row += blockRows) {
      blockRows = Math.min(most, rows - row);
      this.outOffset = outOffset + row * outStride;
      this.xOffset = xOffset + row * xStride;
      fit();
      pool.run(layOut, blockRows, (long) blockRows * k < SERIAL_WORK ? blockRows : 1);
      pool.run(this, to - from, grain(to - from));
    }
    this.x = null; // a segment is not kept reachable beyond the call
    this.w = null;
    this.bias = null;
    this.out = null;
  }

  private boolean inPanels() {
    return blockRows >= MANY_ROWS || kernels.dot == null;
  }

  private boolean paired() {
    return type == ElementType.F16 || type == ElementType.BF16;
  }

  private void fit() {
    if (activations.length < blockRows * k) {
      activations = new float[blockRows * k];
    }
    int accumulatorSize = (blockRows + 1) * PANEL_OUTPUTS * LANES;
    if (inPanels() && accumulators[0].length < accumulatorSize) {
      for (int i = 0; i < accumulators.length; i++) {
        accumulators[i] = new float[accumulatorSize];
      }
    }
  }

  /** Copies rows of the block of activations. */
  private void layOut(int first, int last) {
    for (int r = first; r < last; r++) {
      long row = xOffset + r * xStride;
      if (paired()) {
        float scale = type == ElementType.F16 ? Pairs.ACTIVATION_SCALE : 1;
        Pairs.layOut(x, row, scale, activations, r * k, k);
      } else {
        MemorySegment.copy(x, Elements.F32, row, activations, r * k, k);
      }
    }
  }

  /** About eight pieces a thread, in whole panels. */
  private int grain(int outputs) {
    if ((long) outputs * k * blockRows < SERIAL_WORK) {
      return Math.max(1, outputs);
    }
    int pieces = pool.threads() * 8;
    int panelsEach = (outputs / pieces + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
    return Math.max(1, panelsEach) * PANEL_OUTPUTS;
  }

  @Override
  public void run(int worker, int first, int last) {
    if (!inPanels()) {
      for (int o = first; o < last; o += DOT_OUTPUTS) {
        for (int r = 0; r < blockRows; r++) {
          dot(r, o, Math.min(DOT_OUTPUTS, last - o), sums[worker]);
        }
      }
    } else {
      for (int o = first; o < last; o += PANEL_OUTPUTS) {
        int outputs = Math.min(PANEL_OUTPUTS, last - o);
        panel(panels[worker], accumulators[worker], o, outputs);
      }
    }
  }

  // ---- few rows ----

  /** One row times up to two weight rows; a missing one repeats the first. */
  private void dot(int row, int output, int outputs, float[] sum) {
    long w0 = weightRow(output);
    long w1 = weightRow(output + outputs - 1);
    boolean special = kernels.dot.run(activations, row * k, w, w0, w1, bound, sum);
    for (int j = 0; j < outputs; j++) {
      if (special) {
        oneByOne(row, output + j);
      } else {
        finish(row, output + j, Lanes.sum(FloatVector.fromArray(F, sum, j * LANES)));
      }
    }
  }

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

  // ---- many rows ----

  private void panel(float[] panel, float[] accumulator, int output, int outputs) {
    Arrays.fill(accumulator, 0, (blockRows + 1) * PANEL_OUTPUTS * LANES, 0f);
    int special = 0; // a bit for each output with a weight that panels cannot hold
    for (int i = 0; i < bound; i += PANEL_DEPTH) {
      int depth = Math.min(PANEL_DEPTH, bound - i);
      for (int j = 0; j < outputs; j++) {
        if (kernels.layOut.run(w, weightRow(output + j), k, i, panel, j * PANEL_DEPTH, depth)) {
          special |= 1 << j;
        }
      }
      int paired = blockRows & ~1;
      if (paired < blockRows) {
        int at = paired * PANEL_OUTPUTS * LANES;
        single(panel, activations, paired * k + i, depth, accumulator, at);
      }
      for (int r = 0; r < paired; r += 2) {
        for (int j = 0; j < outputs; j += TILE_OUTPUTS) {
          tile(
              panel,
              j * PANEL_DEPTH,
              activations,
              r * k + i,
              (r + 1) * k + i,
              depth,
              accumulator,
              (r * PANEL_OUTPUTS + j) * LANES,
              ((r + 1) * PANEL_OUTPUTS + j) * LANES);
        }
      }
    }
    for (int r = 0; r < blockRows; r++) {
      for (int j = 0; j < outputs; j++) {
        int at = (r * PANEL_OUTPUTS + j) * LANES;
        if ((special & 1 << j) != 0) {
          oneByOne(r, output + j);
        } else {
          finish(r, output + j, Lanes.sum(FloatVector.fromArray(F, accumulator, at)));
        }
      }
    }
  }

  /** Four weight rows of the panel times two activation rows, added to their accumulators. */
  private static void tile(
      float[] w, int w0, float[] x, int x0, int x1, int n, float[] sum, int sum0, int sum1) {
    var s00 = FloatVector.fromArray(F, sum, sum0);
    var s01 = FloatVector.fromArray(F, sum, sum0 + LANES);
    var s02 = FloatVector.fromArray(F, sum, sum0 + 2 * LANES);
    var s03 = FloatVector.fromArray(F, sum, sum0 + 3 * LANES);
    var s10 = FloatVector.fromArray(F, sum, sum1);
    var s11 = FloatVector.fromArray(F, sum, sum1 + LANES);
    var s12 = FloatVector.fromArray(F, sum, sum1 + 2 * LANES);
    var s13 = FloatVector.fromArray(F, sum, sum1 + 3 * LANES);
    for (int i = 0; i != n; i += LANES) {
      int wi = w0 + i & NO_OVERFLOW;
      var xa = FloatVector.fromArray(F, x, x0 + i & NO_OVERFLOW);
      var xb = FloatVector.fromArray(F, x, x1 + i & NO_OVERFLOW);
      var c = FloatVector.fromArray(F, w, wi);
      s00 = xa.fma(c, s00);
      s10 = xb.fma(c, s10);
      c = FloatVector.fromArray(F, w, wi + PANEL_DEPTH);
      s01 = xa.fma(c, s01);
      s11 = xb.fma(c, s11);
      c = FloatVector.fromArray(F, w, wi + 2 * PANEL_DEPTH);
      s02 = xa.fma(c, s02);
      s12 = xb.fma(c, s12);
      c = FloatVector.fromArray(F, w, wi + 3 * PANEL_DEPTH);
      s03 = xa.fma(c, s03);
      s13 = xb.fma(c, s13);
    }
    s00.intoArray(sum, sum0);
    s01.intoArray(sum, sum0 + LANES);
    s02.intoArray(sum, sum0 + 2 * LANES);
    s03.intoArray(sum, sum0 + 3 * LANES);
    s10.intoArray(sum, sum1);
    s11.intoArray(sum, sum1 + LANES);
    s12.intoArray(sum, sum1 + 2 * LANES);
    s13.intoArray(sum, sum1 + 3 * LANES);
  }

  /** All weight rows of the panel times one activation row, added to its accumulators. */
  private static void single(float[] w, float[] x, int x0, int n, float[] sum, int at) {
    var s00 = FloatVector.fromArray(F, sum, at);
    var s01 = FloatVector.fromArray(F, sum, at + LANES);
    var s02 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s03 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s04 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s05 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s06 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s07 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    var s08 = FloatVector.fromArray(F, sum, at + 8 * LANES);
    var s09 = FloatVector.fromArray(F, sum, at + 9 * LANES);
    var s10 = FloatVector.fromArray(F, sum, at + 10 * LANES);
    var s11 = FloatVector.fromArray(F, sum, at + 11 * LANES);
    for (int i = 0; i != n; i += LANES) {
      int wi = i & NO_OVERFLOW;
      var xa = FloatVector.fromArray(F, x, x0 + i);
      s00 = xa.fma(FloatVector.fromArray(F, w, wi), s00);
      s01 = xa.fma(FloatVector.fromArray(F, w, wi + PANEL_DEPTH), s01);
      s02 = xa.fma(FloatVector.fromArray(F, w, wi + 2 * PANEL_DEPTH), s02);
      s03 = xa.fma(FloatVector.fromArray(F, w, wi + 3 * PANEL_DEPTH), s03);
      s04 = xa.fma(FloatVector.fromArray(F, w, wi + 4 * PANEL_DEPTH), s04);
      s05 = xa.fma(FloatVector.fromArray(F, w, wi + 5 * PANEL_DEPTH), s05);
      s06 = xa.fma(FloatVector.fromArray(F, w, wi + 6 * PANEL_DEPTH), s06);
      s07 = xa.fma(FloatVector.fromArray(F, w, wi + 7 * PANEL_DEPTH), s07);
      s08 = xa.fma(FloatVector.fromArray(F, w, wi + 8 * PANEL_DEPTH), s08);
      s09 = xa.fma(FloatVector.fromArray(F, w, wi + 9 * PANEL_DEPTH), s09);
      s10 = xa.fma(FloatVector.fromArray(F, w, wi + 10 * PANEL_DEPTH), s10);
      s11 = xa.fma(FloatVector.fromArray(F, w, wi + 11 * PANEL_DEPTH), s11);
    }
    s00.intoArray(sum, at);
    s01.intoArray(sum, at + LANES);
    s02.intoArray(sum, at + 2 * LANES);
    s03.intoArray(sum, at + 3 * LANES);
    s04.intoArray(sum, at + 4 * LANES);
    s05.intoArray(sum, at + 5 * LANES);
    s06.intoArray(sum, at + 6 * LANES);
    s07.intoArray(sum, at + 7 * LANES);
    s08.intoArray(sum, at + 8 * LANES);
    s09.intoArray(sum, at + 9 * LANES);
    s10.intoArray(sum, at + 10 * LANES);
    s11.intoArray(sum, at + 11 * LANES);
  }

  // ---- both ----

  /** Adds what the vectors left of k, then the bias, and stores. */
  private void finish(int row, int output, float folded) {
    float sum = type == ElementType.F16 ? folded * Pairs.SUM_SCALE : folded;
    for (int i = bound; i < k; i++) {
      float weight = Elements.get(type, w, weightRow(output), k, i);
      sum = Math.fma(activations[row * k + i], weight, sum);
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
