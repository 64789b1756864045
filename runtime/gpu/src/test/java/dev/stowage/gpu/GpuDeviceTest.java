package dev.stowage.gpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.gpu.EmulatedDriver.Count;
import dev.stowage.gpu.EmulatedDriver.Setting;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The device on the emulated driver: memory, copies, and what happens when something is missing.
 */
class GpuDeviceTest {
  private EmulatedDriver driver;

  @BeforeEach
  void load() {
    driver = EmulatedDriver.loaded();
  }

  @AfterEach
  void everythingIsReleased() {
    driver.assertEverythingIsReleased("afterwards");
  }

  @Test
  void copiesThereAndBackWhateverTheLength() {
    var random = new Random(5);
    try (var gpu = GpuDevices.open(32 << 20);
        var arena = Arena.ofConfined()) {
      for (int bytes : new int[] {1, 4097, (4 << 20) - 1, 9 << 20}) {
        var numbers = new byte[bytes];
        random.nextBytes(numbers);
        var host = arena.allocate(bytes);
        MemorySegment.copy(numbers, 0, host, ValueLayout.JAVA_BYTE, 0, bytes);
        var device = gpu.allocate("copies", bytes);
        gpu.write(host, device);
        host.fill((byte) 0);
        gpu.read(device, host);
        assertArrayEquals(numbers, host.toArray(ValueLayout.JAVA_BYTE), bytes + " bytes");
        var lane = gpu.copyLane();
        var locked = gpu.hostMemory("test", bytes);
        for (var from : new MemorySegment[] {arena.allocate(bytes).fill((byte) 7), locked}) {
          locked.fill((byte) 9);
          lane.write(from, device);
          gpu.read(device, host);
          assertEquals(-1, host.mismatch(from), bytes + " bytes");
        }
      }
    }
  }

  @Test
  void memoryIsZeroedAtFirst() {
    try (var gpu = GpuDevices.open(1 << 20);
        var arena = Arena.ofConfined()) {
      var host = arena.allocate(1000).fill((byte) 1);
      gpu.read(gpu.allocate("numbers", 1000), host);
      assertEquals(-1, host.mismatch(arena.allocate(1000)));
    }
  }

  @Test
  void keepsWithinThePlansBudgetHoweverMuchThereIs() {
    try (var gpu = GpuDevices.open(1000)) {
      gpu.allocate("weights", 600);
      assertEquals(600, gpu.usedBytes());
      var e = assertThrows(DeviceException.class, () -> gpu.allocate("ring", 500));
      assertEquals(
          "gpu: ring needs 500 bytes, but 600 of the 1000 usable bytes are taken", e.getMessage());
    }
  }

  @Test
  void saysThatTheGpuHasLessMemoryThanThePlanThinks() {
    driver.set(Setting.MEMORY, 4096);
    try (var gpu = GpuDevices.open(1 << 20)) {
      gpu.allocate("weights", 4000);
      var e = assertThrows(DeviceException.class, () -> gpu.allocate("ring", 500));
      assertEquals(
          "gpu: ring needs 500 bytes, within the plan's budget, but the GPU has only 96 bytes left",
          e.getMessage());
    }
  }

  @Test
  void saysThatKernelsDoNotRunOnTheGpu() {
    driver.set(Setting.BINARY_FITS, 0);
    var e = assertThrows(DeviceException.class, () -> GpuDevices.open(1000));
    assertEquals(
        "gpu: the kernels do not run on Stowage emulated GPU: it has compute capability 9.0, and 7.5 or more is needed",
        e.getMessage());
  }

  @Test
  void saysThatThereAreNotSoManyGpus() {
    var e = assertThrows(DeviceException.class, () -> GpuDevices.open("gpu[1]", 1, 1000));
    assertEquals("gpu[1]: this machine has 1 GPUs that Stowage can use", e.getMessage());
  }

  @Test
  void saysThatTheGpuWasLost() {
    driver.set(Setting.LAUNCHES_LEFT, 1);
    try (var gpu = GpuDevices.open(1 << 20);
        var arena = Arena.ofConfined()) {
      var x = gpu.allocate("x", 400);
      gpu.kernels().relu(x, 0, 400, 1, 100);
      gpu.kernels().relu(x, 0, 400, 1, 100);
      var e = assertThrows(DeviceException.class, () -> gpu.read(x, arena.allocate(400)));
      assertEquals(
          "gpu: the GPU could not finish what was started: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)",
          e.getMessage());
      assertThrows(DeviceException.class, () -> gpu.kernels().relu(x, 0, 400, 1, 100));
    }
  }

  @Test
  void aKernelThatLeavesItsOperandIsAnError() {
    try (var gpu = GpuDevices.open(1 << 20);
        var arena = Arena.ofConfined()) {
      var room = gpu.allocate("room", 3 << 12);
      long page = (room.address() + (1 << 13)) / 4096 * 4096;
      driver.guard(page);
      var x = room.asSlice(page - 400 - room.address(), 400);
      gpu.kernels().relu(x, 0, 400, 1, 100);
      gpu.read(x, arena.allocate(400));
      var beyond = room.asSlice(page - 400 - room.address(), 404);
      gpu.kernels().relu(beyond, 0, 404, 1, 101);
      var e = assertThrows(DeviceException.class, () -> gpu.read(x, arena.allocate(400)));
      assertTrue(e.getMessage().contains("CUDA_ERROR_ILLEGAL_ADDRESS"), e.getMessage());
    }
  }

  @Test
  void marksAreReachedWhenTheWorkBeforeThemHasRun() {
    try (var gpu = GpuDevices.open(1 << 20)) {
      var mark = gpu.mark();
      mark.await(); // never set
      long before = driver.count(Count.LAUNCHES);
      gpu.kernels().relu(gpu.allocate("x", 400), 0, 400, 1, 100);
      mark.set();
      mark.await();
      assertEquals(before + 1, driver.count(Count.LAUNCHES));
    }
  }

  @Test
  void copiesFromAnotherGpuOnceItsWorkHasRun() {
    driver.set(Setting.DEVICES, 2);
    try (var one = GpuDevices.open("gpu0", 0, 1 << 20);
        var two = GpuDevices.open("gpu1", 1, 1 << 20);
        var arena = Arena.ofConfined()) {
      var numbers = arena.allocate(400, 4);
      for (int i = 0; i < 100; i++) {
        numbers.setAtIndex(ValueLayout.JAVA_FLOAT, i, i - 50);
      }
      var x = one.allocate("x", 400);
      var y = two.allocate("y", 800);
      one.write(numbers, x);
      one.kernels().relu(x, 0, 400, 1, 100);
      var ready = one.mark();
      ready.set();
      two.startAfter(ready);
      two.receiveLater(one, x, 200, y, 400, 200);
      two.read(y, 400, numbers, 0, 200);
      for (int i = 0; i < 50; i++) {
        assertEquals(i, numbers.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> two.receiveLater(one, x, 204, y, 0, 200));
      assertEquals(400, driver.mostMemory(0));
      assertEquals(800, driver.mostMemory(1));
    }
  }

  @Test
  void copiesToTheHostOnlyWhatIsItsOwn() {
    driver.set(Setting.DEVICES, 2);
    try (var one = GpuDevices.open("gpu0", 0, 1 << 20);
        var two = GpuDevices.open("gpu1", 1, 1 << 20);
        var arena = Arena.ofConfined()) {
      var x = one.allocate("x", 400);
      var e = assertThrows(DeviceException.class, () -> two.read(x, arena.allocate(400)));
      assertEquals(
          "gpu1: the GPU could not copy from the GPU: CUDA_ERROR_INVALID_VALUE (as emulated)",
          e.getMessage());
    }
  }

  @Test
  void bf16IsMultipliedWithoutTensorCoresWhereTheirCodeIsMissing() {
    for (int compiledFor : new int[] {75, 80}) {
      driver.set(Setting.COMPILED_FOR, compiledFor);
      try (var gpu = GpuDevices.open(1 << 20);
          var arena = Arena.ofConfined()) {
        var one = arena.allocate(4, 4);
        one.set(ValueLayout.JAVA_FLOAT, 0, 1.5f);
        var x = gpu.allocate("x", 4);
        var w = gpu.allocate("w", 4);
        var out = gpu.allocate("out", 4);
        gpu.write(one, x);
        gpu.kernels().narrow(x, 0, 4, w, 0, 2, ElementType.BF16, 1, 1);
        gpu.kernels().matmul(x, 0, 4, w, 0, ElementType.BF16, null, 0, out, 0, 4, 1, 1, 0, 1);
        gpu.read(out, one);
        assertEquals(2.25f, one.get(ValueLayout.JAVA_FLOAT, 0), "for " + compiledFor);
      }
    }
  }
}
