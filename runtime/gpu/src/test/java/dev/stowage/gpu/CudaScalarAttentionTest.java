package dev.stowage.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.kernel.AttentionAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.StagedKernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Attention on a GPU for which there is no code that uses its tensor cores. */
class CudaScalarAttentionTest extends AttentionAgreement {
  private static final long ROOM = 16L << 20;

  private static ComputeDevice gpu;
  private static Kernels kernels;

  @BeforeAll
  static void openGpu() {
    var driver = EmulatedDriver.loaded();
    driver.set(EmulatedDriver.Setting.COMPILED_FOR, 75);
    gpu = GpuDevices.open(ROOM + 2048);
    kernels = new StagedKernels(gpu, ROOM, driver::guard);
  }

  @AfterAll
  static void closeGpu() {
    if (gpu != null) {
      gpu.close();
    }
  }

  @Override
  protected int widestHead() {
    return 256;
  }

  @Test
  void refusesWiderHeads() {
    var x = gpu.allocate("x", 4 * 257);
    var state = gpu.allocate("state", 8);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                gpu.kernels()
                    .attention(
                        x,
                        0,
                        4 * 257,
                        x,
                        0,
                        x,
                        0,
                        ElementType.F32,
                        4 * 257,
                        4 * 257,
                        new int[1],
                        0,
                        1,
                        x,
                        0,
                        4 * 257,
                        state,
                        0,
                        1,
                        1,
                        1,
                        0,
                        1,
                        257));
    assertEquals("heads of 257 numbers, and kernels take 256 at most", e.getMessage());
  }

  @Override
  protected Kernels kernels() {
    return kernels;
  }
}
