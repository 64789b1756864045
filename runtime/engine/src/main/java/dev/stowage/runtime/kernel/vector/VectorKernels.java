package dev.stowage.runtime.kernel.vector;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Bounds;
import dev.stowage.runtime.kernel.CodeSearch;
import dev.stowage.runtime.kernel.HostKernels;
import dev.stowage.runtime.kernel.RopeTable;
import dev.stowage.runtime.kernel.vector.Elementwise.Op;
import dev.stowage.runtime.kernel.x86.Products;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The operations in SIMD, spread over a worker pool. Checks the operands, then hands them to the
 * class of the operation. Linear layers have two: {@link Products} for the types and widths that it
 * takes on a machine that it runs on, {@link Matmul} for the others.
 */
public final class VectorKernels implements HostKernels {
  private final WorkerPool pool;
  private final Matmul matmul;
  private final Optional<Products> products;
  private final Attention attention;
  private final Elementwise elementwise;
  private final Narrow narrow;
  private final Norm norm;
  private final Rope rope;

  /**
   * Kernels on the threads of {@code pool}, which stays its creator's to close. Linear layers are
   * in machine code where this machine runs it.
   */
  public VectorKernels(WorkerPool pool) {
    this(pool, Products.on(pool));
  }

  private VectorKernels(WorkerPool pool, Optional<Products> products) {
    this.pool = pool;
    this.products = products;
    matmul = new Matmul(pool);
    attention = new Attention(pool);
    elementwise = new Elementwise(pool);
    narrow = new Narrow(pool);
    norm = new Norm(pool);
    rope = new Rope(pool);
  }

  /** Kernels in what the JVM compiles alone, as on a machine that runs no other code. */
  public static VectorKernels portable(WorkerPool pool) {
    return new VectorKernels(pool, Optional.empty());
  }

  @Override
  public String description() {
    int threads = pool.threads();
    return "%svector, %d x F32, %d %s"
        .formatted(
            products.map(made -> made.description() + " for products, ").orElse(""),
            Lanes.LANES,
            threads,
            threads == 1 ? "thread" : "threads");
  }

  @Override
  public void matmul(
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
    Bounds.matmul(
        x,
        xOffset,
        xStride,
        w,
        wOffset,
        type,
        bias,
        biasOffset,
        out,
        outOffset,
        outStride,
        rows,
        k,
        from,
        to);
    if (products.isPresent() && Products.take(type, k)) {
      products
          .get()
          .run(
              x,
              xOffset,
              xStride,
              w,
              wOffset,
              type,
              bias,
              biasOffset,
              out,
              outOffset,
              outStride,
              rows,
              k,
              from,
              to);
      return;
    }
    matmul.run(
        x,
        xOffset,
        xStride,
        w,
        wOffset,
        type,
        bias,
        biasOffset,
        out,
        outOffset,
        outStride,
        rows,
        k,
        from,
        to);
  }

  @Override
  public void embed(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int tableRows,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.embed(
        table, tableOffset, type, tableRows, ids, first, out, outOffset, outStride, rows, width);
    long rowBytes = type.rowBytes(width);
    elementwise.run(
        Op.WIDEN,
        out,
        outOffset,
        outStride,
        table,
        tableOffset,
        rowBytes,
        type,
        ids,
        first,
        rows,
        width);
  }

  @Override
  public void embedAdd(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int tableRows,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.embed(
        table, tableOffset, type, tableRows, ids, first, out, outOffset, outStride, rows, width);
    long rowBytes = type.rowBytes(width);
    elementwise.run(
        Op.WIDEN_ADD,
        out,
        outOffset,
        outStride,
        table,
        tableOffset,
        rowBytes,
        type,
        ids,
        first,
        rows,
        width);
  }

  @Override
  public void layerNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      MemorySegment bias,
      long biasOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("weight", weight, weightOffset, 0, 1, width);
    Bounds.floats("bias", bias, biasOffset, 0, 1, width);
    Bounds.floats("out", out, outOffset, outStride, rows, width);
    norm.run(
        x,
        xOffset,
        xStride,
        weight,
        weightOffset,
        bias,
        biasOffset,
        eps,
        out,
        outOffset,
        outStride,
        rows,
        1,
        width);
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int groups,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, (long) groups * width);
    Bounds.floats("weight", weight, weightOffset, 0, 1, width);
    Bounds.floats("out", out, outOffset, outStride, rows, (long) groups * width);
    norm.run(
        x,
        xOffset,
        xStride,
        weight,
        weightOffset,
        null,
        0,
        eps,
        out,
        outOffset,
        outStride,
        rows,
        groups,
        width);
  }

  @Override
  public void add(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment y,
      long yOffset,
      long yStride,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("y", y, yOffset, yStride, rows, width);
    elementwise.run(
        Op.ADD, x, xOffset, xStride, y, yOffset, yStride, ElementType.F32, null, 0, rows, width);
  }

  @Override
  public void addBias(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment bias,
      long biasOffset,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("bias", bias, biasOffset, 0, 1, width);
    elementwise.run(
        Op.ADD, x, xOffset, xStride, bias, biasOffset, 0, ElementType.F32, null, 0, rows, width);
  }

  @Override
  public void relu(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    elementwise.run(Op.RELU, x, xOffset, xStride, rows, width);
  }

  @Override
  public void geluTanh(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    elementwise.run(Op.GELU_TANH, x, xOffset, xStride, rows, width);
  }

  @Override
  public void geluErf(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    elementwise.run(Op.GELU_ERF, x, xOffset, xStride, rows, width);
  }

  @Override
  public void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      long gateStride,
      MemorySegment up,
      long upOffset,
      long upStride,
      int rows,
      int width) {
    Bounds.floats("gate", gate, gateOffset, gateStride, rows, width);
    Bounds.floats("up", up, upOffset, upStride, rows, width);
    elementwise.run(
        Op.SILU_MULTIPLY,
        gate,
        gateOffset,
        gateStride,
        up,
        upOffset,
        upStride,
        ElementType.F32,
        null,
        0,
        rows,
        width);
  }

  @Override
  public void rope(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim) {
    Bounds.rope(x, xOffset, xStride, table, positions, first, rows, heads, headDim);
    rope.run(x, xOffset, xStride, table, positions, first, rows, heads, headDim);
  }

  @Override
  public void narrow(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.rows("out", out, outOffset, outStride, rows, type.rowBytes(width));
    narrow.run(CodeSearch.QUICK, x, xOffset, xStride, out, outOffset, outStride, type, rows, width);
  }

  @Override
  public void quantize(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.rows("out", out, outOffset, outStride, rows, type.rowBytes(width));
    narrow.run(
        CodeSearch.THOROUGH, x, xOffset, xStride, out, outOffset, outStride, type, rows, width);
  }

  @Override
  public void widen(
      MemorySegment x,
      long xOffset,
      long xStride,
      ElementType type,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.stored("x", x, xOffset, xStride, type, rows, width);
    Bounds.floats("out", out, outOffset, outStride, rows, width);
    elementwise.run(
        Op.WIDEN, out, outOffset, outStride, x, xOffset, xStride, type, null, 0, rows, width);
  }

  @Override
  public void attention(
      MemorySegment q,
      long qOffset,
      long qStride,
      MemorySegment k,
      long kOffset,
      MemorySegment v,
      long vOffset,
      ElementType type,
      long tokenStride,
      long headStride,
      int[] lengths,
      int first,
      float scale,
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int kvHeads,
      int kvFrom,
      int kvTo,
      int headDim) {
    Bounds.attention(
        q,
        qOffset,
        qStride,
        k,
        kOffset,
        v,
        vOffset,
        type,
        tokenStride,
        headStride,
        lengths,
        first,
        o,
        oOffset,
        oStride,
        state,
        stateOffset,
        rows,
        heads,
        kvHeads,
        kvFrom,
        kvTo,
        headDim);
    attention.run(
        q,
        qOffset,
        qStride,
        k,
        kOffset,
        v,
        vOffset,
        type,
        tokenStride,
        headStride,
        lengths,
        first,
        scale,
        o,
        oOffset,
        oStride,
        state,
        stateOffset,
        rows,
        heads,
        kvHeads,
        kvFrom,
        kvTo,
        headDim);
  }

  @Override
  public void mergeAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      MemorySegment otherO,
      long otherOOffset,
      long otherOStride,
      MemorySegment otherState,
      long otherStateOffset,
      int rows,
      int heads,
      int headFrom,
      int headTo,
      int headDim) {
    Bounds.partial(o, oOffset, oStride, state, stateOffset, rows, heads, headFrom, headTo, headDim);
    Bounds.partial(
        otherO,
        otherOOffset,
        otherOStride,
        otherState,
        otherStateOffset,
        rows,
        heads,
        headFrom,
        headTo,
        headDim);
    Partials.merge(
        o,
        oOffset,
        oStride,
        state,
        stateOffset,
        otherO,
        otherOOffset,
        otherOStride,
        otherState,
        otherStateOffset,
        rows,
        heads,
        headFrom,
        headTo,
        headDim);
  }

  @Override
  public void finishAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headDim) {
    Bounds.partial(o, oOffset, oStride, state, stateOffset, rows, heads, 0, heads, headDim);
    Partials.finish(o, oOffset, oStride, state, stateOffset, rows, heads, headDim);
  }
}
