package dev.stowage.gpu;

import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.ProductAgreement;
import dev.stowage.runtime.kernel.StagedKernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The GPU's products on tensor cores, on the emulated driver. */
class CudaProductsTest extends ProductAgreement {
  private static final long ROOM = 16L << 20;

  private static ComputeDevice gpu;
  private static Kernels kernels;

  @BeforeAll
  static void openGpu() {
    var driver = EmulatedDriver.loaded();
    gpu = GpuDevices.open(ROOM);
    kernels = new StagedKernels(gpu, ROOM, driver::guard);
  }

  @AfterAll
  static void closeGpu() {
    if (gpu != null) {
      gpu.close();
    }
  }

  @Override
  protected Kernels kernels() {
    return kernels;
  }
}
