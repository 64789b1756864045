package dev.stowage.runtime.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Footprint;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HostDeviceTest {
  private static final long MIB = 1 << 20;

  private static HostDevice device(long capacity) {
    var spec =
        new DeviceSpec("ram", DeviceKind.HOST, capacity, 0, Optional.empty(), false, Map.of());
    return new HostDevice(spec, new ReferenceKernels());
  }

  private static void assertZeros(MemorySegment memory) {
    for (long at = 0; at < memory.byteSize(); at += 8) {
      assertEquals(0, memory.get(ValueLayout.JAVA_LONG, at), "at " + at);
    }
  }

  @Test
  void memoryOfAnySizeIsZeroedAndCounted() {
    try (var device = device(64 * MIB)) {
      long used = 0;
      for (long bytes : new long[] {64, 4096, 2 * MIB, 5 * MIB, 17 * MIB}) {
        var filledOnce = device.allocate("some", bytes);
        var filledAgain = device.allocateForReads("more", bytes);
        used += 2 * bytes;
        assertEquals(bytes, filledOnce.byteSize());
        assertEquals(bytes, filledAgain.byteSize());
        assertZeros(filledOnce);
        assertZeros(filledAgain);
        long alignment = bytes < Footprint.PAGE_BYTES ? 64 : Footprint.PAGE_BYTES;
        assertEquals(0, filledOnce.address() % alignment);
        assertEquals(0, filledAgain.address() % alignment);
        assertEquals(used, device.usedBytes());
      }
    }
  }

  /** Else the disk gets an address for every 4 KiB. */
  @Test
  void whatDisksFillAgainAndAgainBeginsWithALargePageHoweverFewThereAre() {
    assumeTrue(System.getProperty("os.name").equals("Linux"));
    try (var device = device(64 * MIB)) {
      for (long bytes : new long[] {2 * MIB, 3 * MIB, 20 * MIB}) {
        assertEquals(0, device.allocateForReads("ring", bytes).address() % (2 * MIB));
      }
    }
  }

  @Test
  void moreThanThereIsIsRefused() {
    try (var device = device(3 * MIB)) {
      device.allocateForReads("ring", 2 * MIB);
      assertThrows(DeviceException.class, () -> device.allocateForReads("ring", 2 * MIB));
      assertEquals(2 * MIB, device.usedBytes());
    }
  }
}
