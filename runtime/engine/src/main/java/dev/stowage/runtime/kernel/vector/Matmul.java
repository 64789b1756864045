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
 * <p>Every element is one vector accumulator that walks over k in steps of the lane count, its
 * lanes folded once, then the rest of k and the bias added one by one. Both paths below keep that
 * order, so they agree to the bit; the latency of the fused multiply-add is hidden by working on
 * several elements at a time instead of several accumulators per element.
 *
 * <p>Quantized weights are restored to floats first, {@code min + scale · code} rounded once, and
 * multiplied like others: taking the min out of a group's sum would save an operation, but round
 * otherwise than the panels do.
 *
 * <ul>
 *   <li>Few rows: four outputs at a time, weights read where they lie and widened in registers.
 *   <li>Many rows, and all quantized types: a panel of weights is widened once into a heap array
 *       that fits the first-level cache, then used by all rows in tiles of 5 outputs x 2 rows (10 x
 *       1 for an odd last row): 10 accumulators, a weight and 2 activation vectors, which the 16
 *       registers of AVX2 hold.
 * </ul>
 *
 * <p>Loops over panels end at {@code i != n}, where n is a multiple of the step: C2 takes such a
 * loop as it is. One that ends at {@code i < n} it unrolls, loads everything first, and keeps in
 * memory what no register is left for, at half the speed.
 */
final class Matmul implements WorkerPool.Task {
  /**
   * One activation row times four weight rows of one element type, [4, LANES] sums left unfolded.
   * An interface, so that C2 compiles each type's loop by itself: all of them inlined into one
   * method exceed its node limit, and vectors then become objects.
   */
  private interface Dot {
    void run(
        float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum);
  }

  private static final Dot F32 = Matmul::dotF32;
  private static final Dot F16 = Matmul::dotF16;
  private static final Dot BF16 = Matmul::dotBf16;

  /** From this many rows on, widening once pays for the detour through memory. */
  private static final int MANY_ROWS = 4;

  private static final int DOT_OUTPUTS = 4;
  private static final int TILE_OUTPUTS = 5;
  private static final int PANEL_OUTPUTS = 2 * TILE_OUTPUTS;
  private static final int PANEL_DEPTH = 512; // of k; a multiple of every lane count

  /** Activations copied to the heap at a time: 4 MiB. */
  private static final int BLOCK_ELEMENTS = 1 << 20;

  /** Multiply-adds below which a second thread does not pay. */
  private static final long SERIAL_WORK = 1 << 16;

  private final WorkerPool pool;
  private final float[][] panels; // worker -> [PANEL_OUTPUTS, PANEL_DEPTH]
  private final float[][] accumulators; // worker -> [block rows + 1, PANEL_OUTPUTS, LANES]
  private final float[][] sums; // worker -> [DOT_OUTPUTS, LANES]
  private float[] activations = new float[0]; // [block rows, k]

  private MemorySegment w;
  private long wOffset;
  private ElementType type;
  private Dot kernel; // null for types that are only read block by block
  private MemorySegment bias;
  private long biasOffset;
  private MemorySegment out;
  private long outOffset;
  private long outStride;
  private int k;
  private int from;
  private int blockRows;
  private long rowBytes;

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
    this.w = w;
    this.wOffset = wOffset;
    this.type = type;
    kernel =
        switch (type) {
          case F32 -> F32;
          case F16 -> F16;
          case BF16 -> BF16;
          // restored to floats in panels, however few the rows
          case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> null;
        };
    this.bias = bias;
    this.biasOffset = biasOffset;
    this.out = out;
    this.outStride = outStride;
    this.k = k;
    rowBytes = type.rowBytes(k);
    this.from = from;
    int most = Math.max(1, BLOCK_ELEMENTS / Math.max(1, k));
    for (int row = 0; row < rows; row += blockRows) {
      blockRows = Math.min(most, rows - row);
      this.outOffset = outOffset + row * outStride;
      copyActivations(x, xOffset + row * xStride, xStride);
      pool.run(this, to - from, grain(to - from));
    }
    this.w = null; // a segment is not kept reachable beyond the call
    this.bias = null;
    this.out = null;
  }

  private boolean inPanels() {
    return blockRows >= MANY_ROWS || kernel == null;
  }

  private void copyActivations(MemorySegment x, long offset, long stride) {
    if (activations.length < blockRows * k) {
      activations = new float[blockRows * k];
    }
    for (int r = 0; r < blockRows; r++) {
      MemorySegment.copy(x, Elements.F32, offset + r * stride, activations, r * k, k);
    }
    int accumulatorSize = (blockRows + 1) * PANEL_OUTPUTS * LANES;
    if (inPanels() && accumulators[0].length < accumulatorSize) {
      for (int i = 0; i < accumulators.length; i++) {
        accumulators[i] = new float[accumulatorSize];
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

  /** One row times up to four weight rows; missing ones repeat the last. */
  private void dot(int row, int output, int outputs, float[] sum) {
    long w0 = weightRow(output);
    long w1 = weightRow(output + Math.min(1, outputs - 1));
    long w2 = weightRow(output + Math.min(2, outputs - 1));
    long w3 = weightRow(output + outputs - 1);
    int bound = F.loopBound(k);
    kernel.run(activations, row * k, w, w0, w1, w2, w3, bound, sum);
    for (int j = 0; j < outputs; j++) {
      finish(row, output + j, Lanes.sum(FloatVector.fromArray(F, sum, j * LANES)));
    }
  }

  private static void dotF32(
      float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    var s2 = FloatVector.zero(F);
    var s3 = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      var xi = FloatVector.fromArray(F, x, x0 + i);
      s0 = xi.fma(Lanes.f32(w, w0 + 4L * i), s0);
      s1 = xi.fma(Lanes.f32(w, w1 + 4L * i), s1);
      s2 = xi.fma(Lanes.f32(w, w2 + 4L * i), s2);
      s3 = xi.fma(Lanes.f32(w, w3 + 4L * i), s3);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    s2.intoArray(sum, 2 * LANES);
    s3.intoArray(sum, 3 * LANES);
  }

  private static void dotF16(
      float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum) {
    dotF16(x, x0, w, w0, w1, n, sum, 0);
    dotF16(x, x0, w, w2, w3, n, sum, 2 * LANES);
  }

  /** Two weight rows only: C2 stops inlining the widening of a half before the fourth. */
  private static void dotF16(
      float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum, int at) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      var xi = FloatVector.fromArray(F, x, x0 + i);
      s0 = xi.fma(Lanes.f16(w, w0 + 2L * i), s0);
      s1 = xi.fma(Lanes.f16(w, w1 + 2L * i), s1);
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
  }

  private static void dotBf16(
      float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    var s2 = FloatVector.zero(F);
    var s3 = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      var xi = FloatVector.fromArray(F, x, x0 + i);
      s0 = xi.fma(Lanes.bf16(w, w0 + 2L * i), s0);
      s1 = xi.fma(Lanes.bf16(w, w1 + 2L * i), s1);
      s2 = xi.fma(Lanes.bf16(w, w2 + 2L * i), s2);
      s3 = xi.fma(Lanes.bf16(w, w3 + 2L * i), s3);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    s2.intoArray(sum, 2 * LANES);
    s3.intoArray(sum, 3 * LANES);
  }

  // ---- many rows ----

  private void panel(float[] panel, float[] accumulator, int output, int outputs) {
    Arrays.fill(accumulator, 0, (blockRows + 1) * PANEL_OUTPUTS * LANES, 0f);
    int bound = F.loopBound(k);
    for (int i = 0; i < bound; i += PANEL_DEPTH) {
      int depth = Math.min(PANEL_DEPTH, bound - i);
      for (int j = 0; j < outputs; j++) {
        widen(weightRow(output + j), i, panel, j * PANEL_DEPTH, depth);
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
        finish(r, output + j, Lanes.sum(FloatVector.fromArray(F, accumulator, at)));
      }
    }
  }

  /** Five weight rows of the panel times two activation rows, added to their accumulators. */
  private static void tile(
      float[] w, int w0, float[] x, int x0, int x1, int n, float[] sum, int sum0, int sum1) {
    var s00 = FloatVector.fromArray(F, sum, sum0);
    var s01 = FloatVector.fromArray(F, sum, sum0 + LANES);
    var s02 = FloatVector.fromArray(F, sum, sum0 + 2 * LANES);
    var s03 = FloatVector.fromArray(F, sum, sum0 + 3 * LANES);
    var s04 = FloatVector.fromArray(F, sum, sum0 + 4 * LANES);
    var s10 = FloatVector.fromArray(F, sum, sum1);
    var s11 = FloatVector.fromArray(F, sum, sum1 + LANES);
    var s12 = FloatVector.fromArray(F, sum, sum1 + 2 * LANES);
    var s13 = FloatVector.fromArray(F, sum, sum1 + 3 * LANES);
    var s14 = FloatVector.fromArray(F, sum, sum1 + 4 * LANES);
    for (int i = 0; i != n; i += LANES) {
      var xa = FloatVector.fromArray(F, x, x0 + i);
      var xb = FloatVector.fromArray(F, x, x1 + i);
      var c = FloatVector.fromArray(F, w, w0 + i);
      s00 = xa.fma(c, s00);
      s10 = xb.fma(c, s10);
      c = FloatVector.fromArray(F, w, w0 + PANEL_DEPTH + i);
      s01 = xa.fma(c, s01);
      s11 = xb.fma(c, s11);
      c = FloatVector.fromArray(F, w, w0 + 2 * PANEL_DEPTH + i);
      s02 = xa.fma(c, s02);
      s12 = xb.fma(c, s12);
      c = FloatVector.fromArray(F, w, w0 + 3 * PANEL_DEPTH + i);
      s03 = xa.fma(c, s03);
      s13 = xb.fma(c, s13);
      c = FloatVector.fromArray(F, w, w0 + 4 * PANEL_DEPTH + i);
      s04 = xa.fma(c, s04);
      s14 = xb.fma(c, s14);
    }
    s00.intoArray(sum, sum0);
    s01.intoArray(sum, sum0 + LANES);
    s02.intoArray(sum, sum0 + 2 * LANES);
    s03.intoArray(sum, sum0 + 3 * LANES);
    s04.intoArray(sum, sum0 + 4 * LANES);
    s10.intoArray(sum, sum1);
    s11.intoArray(sum, sum1 + LANES);
    s12.intoArray(sum, sum1 + 2 * LANES);
    s13.intoArray(sum, sum1 + 3 * LANES);
    s14.intoArray(sum, sum1 + 4 * LANES);
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
    for (int i = 0; i != n; i += LANES) {
      var xa = FloatVector.fromArray(F, x, x0 + i);
      var c = FloatVector.fromArray(F, w, i);
      s00 = xa.fma(c, s00);
      c = FloatVector.fromArray(F, w, PANEL_DEPTH + i);
      s01 = xa.fma(c, s01);
      c = FloatVector.fromArray(F, w, 2 * PANEL_DEPTH + i);
      s02 = xa.fma(c, s02);
      c = FloatVector.fromArray(F, w, 3 * PANEL_DEPTH + i);
      s03 = xa.fma(c, s03);
      c = FloatVector.fromArray(F, w, 4 * PANEL_DEPTH + i);
      s04 = xa.fma(c, s04);
      c = FloatVector.fromArray(F, w, 5 * PANEL_DEPTH + i);
      s05 = xa.fma(c, s05);
      c = FloatVector.fromArray(F, w, 6 * PANEL_DEPTH + i);
      s06 = xa.fma(c, s06);
      c = FloatVector.fromArray(F, w, 7 * PANEL_DEPTH + i);
      s07 = xa.fma(c, s07);
      c = FloatVector.fromArray(F, w, 8 * PANEL_DEPTH + i);
      s08 = xa.fma(c, s08);
      c = FloatVector.fromArray(F, w, 9 * PANEL_DEPTH + i);
      s09 = xa.fma(c, s09);
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
  }

  // ---- both ----

  /** Adds what the vectors left of k, then the bias, and stores. */
  private void finish(int row, int output, float folded) {
    float sum = folded;
    for (int i = F.loopBound(k); i < k; i++) {
      float weight = Elements.get(type, w, weightRow(output), k, i);
      sum = Math.fma(activations[row * k + i], weight, sum);
    }
    if (bias != null) {
      sum += bias.get(Elements.F32, biasOffset + (long) output * Float.BYTES);
    }
    out.set(Elements.F32, outOffset + row * outStride + (long) (from + output) * Float.BYTES, sum);
  }

  /** Numbers {@code i .. i + n} of a weight row; {@code i} begins a group. */
  private void widen(long row, int i, float[] into, int at, int n) {
    switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K ->
          Lanes.widen(type, w, row + type.rowBytes(i), into, at, n);
      case INT8 -> Dequantize.int8(w, row, k, i, into, at, n);
      case INT4 -> Dequantize.int4(w, row, k, i, into, at, n);
    }
  }

  private long weightRow(int output) {
    return wOffset + output * rowBytes;
  }
}
