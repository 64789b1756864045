package dev.stowage.runtime.kernel.x86;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import java.lang.foreign.MemorySegment;

/** The operands of one product, as {@link dev.stowage.runtime.kernel.Kernels#matmul} has them. */
final class Operands {
  MemorySegment x;
  long xOffset;
  long xStride;
  MemorySegment w;
  long wOffset;
  ElementType type;
  MemorySegment bias;
  long biasOffset;
  MemorySegment out;
  long outOffset;
  long outStride;
  int rows;
  int k;
  int from;
  int outputs;

  /** Keeps no segment reachable beyond the call. */
  void clear() {
    x = null;
    w = null;
    bias = null;
    out = null;
  }

  /** The address of an activation row. */
  long x(int row) {
    return x.address() + xOffset + row * xStride;
  }

  /** The address of a weight row. */
  long w(int output) {
    return w.address() + wOffset + output * type.rowBytes(k);
  }

  /** Whether sums can be stored where they belong: as they are, and by machine code. */
  boolean storedDirectly() {
    return bias == null && out.isNative();
  }

  /** The address of an output of a row. */
  long out(int row, int output) {
    return out.address() + outOffset + row * outStride + 4L * (from + output);
  }

  /** Stores sums of adjacent outputs of a row, the bias added. */
  void store(int row, int output, MemorySegment sums, long at, int count) {
    long to = outOffset + row * outStride + 4L * (from + output);
    if (bias == null) {
      MemorySegment.copy(sums, at, out, to, 4L * count);
      return;
    }
    for (int i = 0; i < count; i++) {
      float sum = sums.get(Elements.F32, at + 4L * i);
      out.set(
          Elements.F32, to + 4L * i, sum + bias.get(Elements.F32, biasOffset + 4L * (output + i)));
    }
  }
}
