package dev.stowage.csd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.TokenGroups;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.DeviceProvider;
import dev.stowage.runtime.device.KvLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsdDeviceTest {
  @TempDir Path folder;

  @Test
  void isFoundAsTheProviderOfItsKind() {
    var provider =
        ServiceLoader.load(DeviceProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(found -> found.kind() == DeviceKind.CSD)
            .findFirst()
            .orElseThrow();
    assertInstanceOf(CsdDeviceProvider.class, provider);
  }

  @Test
  void aRealDriveIsRefusedWithTheWayOut() {
    var real =
        new DeviceSpec("inst", DeviceKind.CSD, 1 << 20, 0, Optional.empty(), false, Map.of());
    var refused =
        assertThrows(DeviceException.class, () -> new CsdDeviceProvider().open(real, null));
    assertTrue(refused.getMessage().startsWith("inst: this machine has no"), refused.getMessage());
    assertTrue(refused.getMessage().contains("'emulated'"), refused.getMessage());
  }

  @Test
  void itsFlashLiesInItsPathAndGoesWithIt() {
    var file = folder.resolve("deep/er/inst[1].flash");
    try (var device = CsdDevice.emulated(spec("inst[1]", 1 << 20, "deep/er"), folder)) {
      assertTrue(Files.exists(file));
      assertEquals(0, device.usedBytes());
    }
    assertFalse(Files.exists(file));
  }

  @Test
  void withoutAPathItsFlashIsTemporary() {
    var spec = new DeviceSpec("csd", DeviceKind.CSD, 1 << 20, 0, Optional.empty(), true, Map.of());
    try (var one = CsdDevice.emulated(spec, folder);
        var two = CsdDevice.emulated(spec, folder)) {
      assertEquals(0, one.usedBytes() + two.usedBytes());
    }
    assertFalse(Files.exists(folder.resolve("csd.flash")));
  }

  @Test
  void twoDrivesDoNotShareAFile() {
    var spec = spec("csd", 1 << 20, ".");
    try (var one = CsdDevice.emulated(spec, folder)) {
      var busy = assertThrows(DeviceException.class, () -> CsdDevice.emulated(spec, folder));
      assertTrue(busy.getMessage().contains("in use"), busy.getMessage());
      assertTrue(Files.exists(folder.resolve("csd.flash")));
      assertEquals(0, one.usedBytes());
    }
  }

  @Test
  void aPathThatIsAFileIsRefused() throws IOException {
    Files.createFile(folder.resolve("taken"));
    var refused =
        assertThrows(
            DeviceException.class, () -> CsdDevice.emulated(spec("csd", 1 << 20, "taken"), folder));
    assertTrue(refused.getMessage().contains("cannot be made"), refused.getMessage());
  }

  @Test
  void aRegionCountsWithItsWholeCapacity() {
    long bytes = 2L * 2 * 4 * 100 * 8 * 2;
    try (var device = CsdDevice.emulated(spec("csd", bytes + 10, "."), folder)) {
      var first = device.openKv(layout("a", 100), MemorySegment.NULL);
      assertEquals(bytes, device.usedBytes());
      var full =
          assertThrows(
              DeviceException.class, () -> device.openKv(layout("b", 1), MemorySegment.NULL));
      assertEquals(
          "csd: KV region b needs 256 bytes, and %d of %d are in use".formatted(bytes, bytes + 10),
          full.getMessage());
      first.close();
      first.close();
      assertEquals(0, device.usedBytes());
      device.openKv(layout("b", 100), MemorySegment.NULL);
      assertEquals(bytes, device.usedBytes());
    }
  }

  @Test
  void itsDramIsWhatThePlanSays() {
    var layout = layout("a", 100);
    double needed =
        2.0 * 2 * 4 * Math.min(100, TokenGroups.of(16, DriveMemory.PAGE_BYTES).tokens()) * 16;
    for (boolean enough : new boolean[] {true, false}) {
      var rates = Map.of(Rate.DRAM, new RateValue(enough ? needed : needed - 1, Origin.SPEC));
      var spec = new DeviceSpec("csd", DeviceKind.CSD, 1 << 20, 0, Optional.of("."), true, rates);
      try (var device = CsdDevice.emulated(spec, folder)) {
        if (enough) {
          device.openKv(layout, MemorySegment.NULL).close();
        } else {
          var full =
              assertThrows(DeviceException.class, () -> device.openKv(layout, MemorySegment.NULL));
          assertTrue(full.getMessage().contains("DRAM"), full.getMessage());
        }
      }
    }
  }

  @Test
  void groupsThatDoNotFitItsDramAreRefused() {
    var geometry = new FlashGeometry(2, 1, 1, 8, 8, 4096);
    try (var device =
        CsdDevice.emulated(spec("csd", 1 << 30, "."), folder, geometry, 1000, 1 << 16)) {
      var full =
          assertThrows(
              DeviceException.class, () -> device.openKv(layout("a", 100), MemorySegment.NULL));
      assertTrue(full.getMessage().contains("DRAM"), full.getMessage());
      assertEquals(0, device.usedBytes());
    }
  }

  @Test
  void hostsMemoryIsNotItsBusiness() {
    try (var device = CsdDevice.emulated(spec("csd", 1 << 20, "."), folder)) {
      var refused = assertThrows(DeviceException.class, () -> device.allocate("weights", 64));
      assertTrue(refused.getMessage().contains("keeps KV cache only"), refused.getMessage());
    }
  }

  private static DeviceSpec spec(String name, long capacity, String path) {
    return new DeviceSpec(name, DeviceKind.CSD, capacity, 0, Optional.of(path), true, Map.of());
  }

  private static KvLayout layout(String name, int tokens) {
    var region =
        new KvRegion(
            name,
            Range.upTo(2),
            Range.upTo(4),
            Range.upTo(1),
            Range.upTo(tokens),
            "csd",
            "csd",
            Optional.empty());
    return new KvLayout(region, 1, 1, 8, ElementType.F16, Integer.MAX_VALUE, 4);
  }
}
