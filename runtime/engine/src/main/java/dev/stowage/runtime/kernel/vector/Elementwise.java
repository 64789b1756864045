package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Activations;
import dev.stowage.runtime.kernel.Blocks;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Operations whose output element depends on the elements at the same place only: additions,
 * activations, widening and table look-ups, shared out over rows.
 */
final class Elementwise implements WorkerPool.Task {
  /**
   * One row of n elements: {@code x} is the F32 operand. An interface, so that C2 compiles each
   * loop by itself: all of them inlined into one method exceed its node limit, and vectors become
   * objects.
   */
  private interface Row {
    void run(MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n);
  }

  /** What is done with {@code x} and {@code y}; x is written. */
  enum Op {
    ADD(Elementwise::add),
    RELU(Elementwise::relu),
    GELU_TANH(Elementwise::geluTanh),
    GELU_ERF(Elementwise::geluErf),
    SILU_MULTIPLY(Elementwise::siluMultiply),
    WIDEN(Elementwise::widen),
    WIDEN_ADD(Elementwise::widenAdd);

    private final Row row;

    Op(Row row) {
      this.row = row;
    }
  }

  /** Elements below which a second thread does not pay. */
  private static final int SERIAL_ELEMENTS = 1 << 14;

  private static final float SQRT_2_OVER_PI = (float) Math.sqrt(2 / Math.PI);

  private final WorkerPool pool;
  private Op op;
  private MemorySegment x;
  private long xOffset;
  private long xStride;
  private MemorySegment y;
  private long yOffset;
  private long yStride;
  private ElementType yType;
  private int[] ids; // rows of y, or null for one after the other
  private int first;
  private int width;

  Elementwise(WorkerPool pool) {
    this.pool = pool;
  }

  /** {@code x = op(x)}. */
  void run(Op op, MemorySegment x, long xOffset, long xStride, int rows, int width) {
    run(op, x, xOffset, xStride, null, 0, 0, ElementType.F32, null, 0, rows, width);
  }

  /** {@code x[r] = op(x[r], y[ids == null ? r : ids[first + r]])}. */
  void run(
      Op op,
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment y,
      long yOffset,
      long yStride,
      ElementType yType,
      int[] ids,
      int first,
      int rows,
      int width) {
    this.op = op;
    this.x = x;
    this.xOffset = xOffset;
    this.xStride = xStride;
    this.y = y;
    this.yOffset = yOffset;
    this.yStride = yStride;
    this.yType = yType;
    this.ids = ids;
    this.first = first;
    this.width = width;
    pool.run(this, rows, Math.max(1, SERIAL_ELEMENTS / Math.max(1, width)));
    this.x = null; // neither memory nor array is kept reachable beyond the call
    this.y = null;
    this.ids = null;
  }

  @Override
  public void run(int worker, int from, int to) {
    for (int r = from; r < to; r++) {
      long xr = xOffset + r * xStride;
      long yr = yOffset + (ids == null ? r : ids[first + r]) * yStride;
      op.row.run(x, xr, y, yr, yType, width);
    }
  }

  private static void add(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(x, xr + 4L * i)
          .add(Lanes.f32(y, yr + 4L * i))
          .intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      float sum = x.get(Elements.F32, xr + 4L * i) + y.get(Elements.F32, yr + 4L * i);
      x.set(Elements.F32, xr + 4L * i, sum);
    }
  }

  private static void relu(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(x, xr + 4L * i).max(0f).intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Math.max(x.get(Elements.F32, xr + 4L * i), 0f));
    }
  }

  /** {@code (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u))}, which loses nothing where tanh nears -1. */
  private static void geluTanh(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      var v = Lanes.f32(x, xr + 4L * i);
      var u = v.mul(v).mul(v).mul(0.044715f).add(v).mul(-2 * SQRT_2_OVER_PI);
      v.div(Exp.of(u).add(1f)).intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Activations.geluTanh(x.get(Elements.F32, xr + 4L * i)));
    }
  }

  /**
   * With {@code z = |x| / sqrt(2)} and {@code q = erfc(z) / 2}, GELU is {@code x (1 - q)} for
   * positive x and {@code x q} for negative; erfc by Abramowitz and Stegun 7.1.26, absolute error
   * 1.5e-7.
   */
  private static void geluErf(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      var v = Lanes.f32(x, xr + 4L * i);
      var z = v.abs().mul((float) Math.sqrt(0.5));
      var q = erfc(z).mul(0.5f);
      var share = q.neg().add(1f).blend(q, v.compare(VectorOperators.LT, 0f));
      v.mul(share).intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Activations.geluErf(x.get(Elements.F32, xr + 4L * i)));
    }
  }

  private static FloatVector erfc(FloatVector z) {
    var t = FloatVector.broadcast(F, 1f).div(z.mul(0.3275911f).add(1f));
    var p = t.mul(1.061405429f).add(-1.453152027f);
    p = p.mul(t).add(1.421413741f);
    p = p.mul(t).add(-0.284496736f);
    p = p.mul(t).add(0.254829592f);
    return p.mul(t).mul(Exp.of(z.mul(z).neg()));
  }

  private static void siluMultiply(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType yType, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      var v = Lanes.f32(x, xr + 4L * i);
      v.div(Exp.of(v.neg()).add(1f))
          .mul(Lanes.f32(y, yr + 4L * i))
          .intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      float v = x.get(Elements.F32, xr + 4L * i);
      float product = v / (Exp.of(-v) + 1f) * y.get(Elements.F32, yr + 4L * i);
      x.set(Elements.F32, xr + 4L * i, product);
    }
  }

  private static void widen(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType type, int n) {
    switch (type) {
      case F32 -> MemorySegment.copy(y, yr, x, xr, 4L * n);
      case F16 -> widenF16(x, xr, y, yr, n);
      case BF16 -> widenBf16(x, xr, y, yr, n);
      case Q8_0, Q4_0, Q4_K, Q6_K -> widenBlocks(x, xr, y, yr, type, n);
      case INT8, INT4 -> Quantized.decode(type, y, yr, n, x, xr);
    }
  }

  /** Number by number: a row of the embedding for each token. */
  private static void widenBlocks(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType type, int n) {
    for (int i = 0; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Blocks.number(type, y, yr, i));
    }
  }

  private static void widenF16(MemorySegment x, long xr, MemorySegment y, long yr, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f16(y, yr + 2L * i).intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Elements.get(ElementType.F16, y, yr + 2L * i));
    }
  }

  private static void widenBf16(MemorySegment x, long xr, MemorySegment y, long yr, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.bf16(y, yr + 2L * i).intoMemorySegment(x, xr + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      x.set(Elements.F32, xr + 4L * i, Elements.get(ElementType.BF16, y, yr + 2L * i));
    }
  }

  /** One position row per token: too little work to be worth a vector loop per type. */
  private static void widenAdd(
      MemorySegment x, long xr, MemorySegment y, long yr, ElementType type, int n) {
    for (int i = 0; i < n; i++) {
      float sum = x.get(Elements.F32, xr + 4L * i) + Elements.get(type, y, yr, n, i);
      x.set(Elements.F32, xr + 4L * i, sum);
    }
  }
}
