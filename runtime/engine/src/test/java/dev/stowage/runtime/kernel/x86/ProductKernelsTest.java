package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.runtime.kernel.KernelAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.vector.VectorKernels;
import dev.stowage.runtime.parallel.WorkerPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Kernels whose products are machine code where widths allow it. */
final class ProductKernelsTest extends KernelAgreement {
  private static WorkerPool pool;
  private static Kernels kernels;

  @BeforeAll
  static void openPool() {
    assumeTrue(MachineCode.RUNS, "needs AVX2, FMA and F16C on Linux");
    pool = new WorkerPool(3);
    kernels = new VectorKernels(pool);
  }

  @AfterAll
  static void closePool() {
    if (pool != null) {
      pool.close();
    }
  }

  @Override
  protected Kernels kernels() {
    return kernels;
  }

  @Override
  protected double roundingOfActivations() {
    return 2e-4; // activations around 1 to 3 in steps of 2^-13
  }
}
