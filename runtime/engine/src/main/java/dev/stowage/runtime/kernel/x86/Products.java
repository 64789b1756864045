package dev.stowage.runtime.kernel.x86;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Linear layers in machine code that is written at run time. What the JVM compiles of the Vector
 * API is correct and slower: its instructions are longer than they need be, it has none that widens
 * F16, and none that multiplies pairs of 16-bit integers.
 */
public final class Products {
  /**
   * Bytes between weights that few rows are multiplied by and those that are asked for meanwhile,
   * where vectors are of 512 bits: one stream, which memory serves at 0.9 of its speed.
   */
  static final int DISTANCE = 16 << 10;

  private final Operands operands = new Operands();
  private final Width width;
  private final FloatProducts floats;
  private final CodeProducts codes;

  Products(WorkerPool pool, Width width) {
    this.width = width;
    floats = new FloatProducts(pool, operands, width);
    codes = new CodeProducts(pool, operands, width);
  }

  /**
   * Products on the threads of a pool, if this machine runs such code and its system lets a process
   * write it.
   */
  public static Optional<Products> on(WorkerPool pool) {
    return widths().stream().max(Comparator.naturalOrder()).map(width -> new Products(pool, width));
  }

  /** Vectors that this machine and its system allow. */
  static List<Width> widths() {
    return MachineCode.RUNS ? Cpu.widths() : List.of();
  }

  /** What it is, for people. */
  public String description() {
    return "machine code for " + width.title;
  }

  /** Whether rows of so many numbers of a type are taken: they must be whole steps, or blocks. */
  public static boolean take(ElementType type, int k) {
    int step =
        switch (type) {
          case F32, F16, BF16 -> Format.STEP;
          case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> type.group();
        };
    return k > 0 && k % step == 0;
  }

  /**
   * As {@link dev.stowage.runtime.kernel.Kernels#matmul}, for checked operands.
   *
   * @throws IllegalArgumentException for operands on the Java heap, which may move
   */
  public void run(
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
    if (!x.isNative() || !w.isNative()) {
      throw new IllegalArgumentException("activations and weights of products lie off the heap");
    }
    if (rows == 0 || from == to) {
      return;
    }
    operands.x = x;
    operands.xOffset = xOffset;
    operands.xStride = xStride;
    operands.w = w;
    operands.wOffset = wOffset;
    operands.type = type;
    operands.bias = bias;
    operands.biasOffset = biasOffset;
    operands.out = out;
    operands.outOffset = outOffset;
    operands.outStride = outStride;
    operands.rows = rows;
    operands.k = k;
    operands.from = from;
    operands.outputs = to - from;
    switch (type) {
      case F32 -> floats.run(Format.F32);
      case F16 -> floats.run(Format.F16);
      case BF16 -> floats.run(Format.BF16);
      case INT8 -> codes.run(Codes.INT8);
      case INT4 -> codes.run(Codes.INT4);
      case Q8_0 -> codes.run(Codes.Q8_0);
      case Q4_0 -> codes.run(Codes.Q4_0);
      case Q4_K -> codes.run(Codes.Q4_K);
      case Q6_K -> codes.run(Codes.Q6_K);
    }
    operands.clear();
  }
}
