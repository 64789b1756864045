package dev.stowage.runtime.kernel.vector;

import dev.stowage.runtime.kernel.AttentionAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.parallel.WorkerPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

final class VectorAttentionTest extends AttentionAgreement {
  private static WorkerPool pool;
  private static Kernels kernels;

  @BeforeAll
  static void openPool() {
    pool = new WorkerPool(3);
    kernels = new VectorKernels(pool);
  }

  @AfterAll
  static void closePool() {
    pool.close();
  }

  @Override
  protected Kernels kernels() {
    return kernels;
  }
}
