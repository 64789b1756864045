package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;

/** Kernels that compute in host memory, which is also where weights are quantized. */
public interface HostKernels extends Kernels {
  /**
   * Stores F32 rows of weights as group-wise quantized rows: as {@link #narrow}, with codes sought
   * by {@link CodeSearch#THOROUGH}. Exact.
   *
   * @param x [rows, width] F32
   * @param out [rows, width] of {@code type}
   * @param type {@link ElementType#INT8} or {@link ElementType#INT4}
   */
  void quantize(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width);
}
