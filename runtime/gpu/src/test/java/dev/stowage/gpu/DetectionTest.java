package dev.stowage.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DetectionTest {
  @Test
  void saysThatThereIsNoDriver() {
    assertEquals(
        new Detection.Missing("there is no NVIDIA driver on this machine (libnosuch.so.1)"),
        Detection.detect("libnosuch.so.1"));
  }

  @Test
  void saysThatALibraryIsNoDriver() {
    assertEquals(
        new Detection.Missing("libc.so.6 is no NVIDIA driver: it has no cuInit"),
        Detection.detect("libc.so.6"));
  }

  @Test
  void findsTheGpuAndTheDriversVersion() {
    EmulatedDriver.loaded();
    assertEquals(new Detection.Found(1, 13_000), Detection.detect());
  }

  @Test
  void saysThatADriverHasNoGpu() {
    EmulatedDriver.loaded().set(EmulatedDriver.Setting.DEVICES, 0);
    assertEquals(new Detection.Missing("the NVIDIA driver finds no GPU"), Detection.detect());
  }

  @Test
  void saysThatADriverIsTooOld() {
    EmulatedDriver.loaded().set(EmulatedDriver.Setting.VERSION, 12_040);
    assertEquals(
        new Detection.Missing(
            "the NVIDIA driver is too old: it offers CUDA 12.4, and the kernels need 13.0 (driver 580 or newer)"),
        Detection.detect());
  }
}
