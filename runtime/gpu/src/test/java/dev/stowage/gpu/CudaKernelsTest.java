package dev.stowage.gpu;

import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.kernel.KernelAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.StagedKernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The GPU's kernels, on the emulated driver, against the reference. */
class CudaKernelsTest extends KernelAgreement {
  private static final long ROOM = 8L << 20;

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

  /** Numbers are split in two for tensor cores, and infinity times both parts may be no number. */
  @Override
  protected boolean keepsInfinities() {
    return false;
  }
}
