package dev.stowage.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's library of products, where a machine has one, whatever its version: what our own kernels
 * are measured against. Plans do not use it: it takes no F32 rows with weights of 16 bits, and sums
 * in an order that depends on the number of rows.
 */
final class Cublas implements AutoCloseable {
  private static final List<String> LIBRARIES =
      List.of("libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so");
  private static final int TRANSPOSED = 1; // CUBLAS_OP_T
  private static final int AS_IT_IS = 0; // CUBLAS_OP_N
  private static final int COMPUTE_32F = 68; // CUBLAS_COMPUTE_32F
  private static final int DEFAULT_ALGORITHM = -1; // CUBLAS_GEMM_DEFAULT

  private final Arena arena = Arena.ofShared();
  private final MethodHandle gemm;
  private final MethodHandle destroy;
  private final MemorySegment handle;
  private final MemorySegment one;
  private final MemorySegment zero;

  /** The library of this machine, working on a stream of the calling thread's context. */
  static Optional<Cublas> find(long stream) {
    return find(LIBRARIES, stream);
  }

  /** The first of some libraries that there is. */
  @SuppressWarnings("restricted") // NVIDIA's own library, and its functions as it defines them
  static Optional<Cublas> find(List<String> libraries, long stream) {
    for (var library : libraries) {
      try {
        return Optional.of(new Cublas(SymbolLookup.libraryLookup(library, Arena.global()), stream));
      } catch (IllegalArgumentException e) {
        continue; // there is none of this version
      }
    }
    return Optional.empty();
  }

  @SuppressWarnings("restricted")
  private Cublas(SymbolLookup library, long stream) {
    var linker = Linker.nativeLinker();
    var onHandle = FunctionDescriptor.of(JAVA_INT, ADDRESS);
    var create = linker.downcallHandle(library.findOrThrow("cublasCreate_v2"), onHandle);
    var setStream =
        linker.downcallHandle(
            library.findOrThrow("cublasSetStream_v2"),
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
    destroy = linker.downcallHandle(library.findOrThrow("cublasDestroy_v2"), onHandle);
    gemm =
        linker.downcallHandle(
            library.findOrThrow("cublasGemmEx"),
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS,
                ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS,
                JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    one = arena.allocateFrom(JAVA_FLOAT, 1);
    zero = arena.allocateFrom(JAVA_FLOAT, 0);
    var made = arena.allocate(ADDRESS);
    try {
      check("start", (int) create.invokeExact(made));
      handle = made.get(ADDRESS, 0);
      check("take a stream", (int) setStream.invokeExact(handle, MemorySegment.ofAddress(stream)));
    } catch (DeviceException e) {
      arena.close();
      throw e;
    } catch (Throwable e) {
      arena.close();
      throw new IllegalStateException(e);
    }
  }

  /**
   * Starts {@code out[rows, n] = x[rows, k] · w[n, k]ᵀ}, F32 sums of numbers of one type.
   *
   * @param type F32, F16 or BF16, of x and w; out is F32
   * @param xStride numbers from a row of x to the next, k or more
   * @param outStride numbers from a row of out to the next, n or more
   */
  void product(
      ElementType type,
      long x,
      int xStride,
      long w,
      long out,
      int outStride,
      int rows,
      int k,
      int n) {
    int number =
        switch (type) {
          case F32 -> 0; // CUDA_R_32F
          case F16 -> 2; // CUDA_R_16F
          case BF16 -> 14; // CUDA_R_16BF
          case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K ->
              throw new IllegalArgumentException("cuBLAS does not multiply " + type.word());
        };
    try {
      // its matrices lie column by column: w is k x n and is transposed, x is k x rows, out n x
      // rows
      check(
          "multiply",
          (int)
              gemm.invokeExact(
                  handle,
                  TRANSPOSED,
                  AS_IT_IS,
                  n,
                  rows,
                  k,
                  one,
                  MemorySegment.ofAddress(w),
                  number,
                  k,
                  MemorySegment.ofAddress(x),
                  number,
                  xStride,
                  zero,
                  MemorySegment.ofAddress(out),
                  0,
                  outStride,
                  COMPUTE_32F,
                  DEFAULT_ALGORITHM));
    } catch (DeviceException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void check(String doing, int status) {
    if (status != 0) {
      throw new DeviceException("gpu", "cuBLAS could not %s: status %d".formatted(doing, status));
    }
  }

  @Override
  public void close() {
    try {
      check("end", (int) destroy.invokeExact(handle));
    } catch (DeviceException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    } finally {
      arena.close();
    }
  }
}
