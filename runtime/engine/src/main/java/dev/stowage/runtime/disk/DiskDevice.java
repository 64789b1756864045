package dev.stowage.runtime.disk;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Footprint;
import dev.stowage.runtime.device.Budget;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A folder on a disk. Its files are scratch: they go when the device closes, and hold nothing worth
 * keeping after a run.
 */
final class DiskDevice implements Device {
  private final DeviceSpec spec;
  private final DeviceContext context;
  private final Budget budget;
  private final List<KvStore> stores = new ArrayList<>();

  DiskDevice(DeviceSpec spec, DeviceContext context) {
    this.spec = spec;
    this.context = context;
    budget = new Budget(spec);
  }

  @Override
  public DeviceSpec spec() {
    return spec;
  }

  @Override
  public MemorySegment allocate(String purpose, long bytes) {
    throw new DeviceException(
        spec.name(), purpose + " cannot lie on a disk: kernels cannot address it");
  }

  @Override
  public KvStore openKv(KvLayout layout, MemorySegment staging) {
    var region = layout.region();
    long bytes = layout.bytes();
    budget.take("KV region " + region.name(), bytes);
    try {
      Path folder =
          context.base().resolve(spec.path().orElse(System.getProperty("java.io.tmpdir")));
      Files.createDirectories(folder);
      long room = Files.getFileStore(folder).getUsableSpace();
      if (bytes > room) {
        throw new IOException(
            "it takes %d bytes, and the disk has room for %d".formatted(bytes, room));
      }
      var file = Files.createTempFile(folder, region.name() + "-", ".kv");
      try {
        var store = open(layout, file, staging);
        stores.add(store);
        return store;
      } catch (IOException | RuntimeException e) {
        Files.deleteIfExists(file);
        throw e;
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new DeviceException(
          spec.name(),
          "cannot make a file for KV region %s: %s".formatted(region.name(), e.getMessage()),
          e);
    }
  }

  private KvStore open(KvLayout layout, Path file, MemorySegment staging) throws IOException {
    long token = 2L * layout.region().heads().size() * layout.type().rowBytes(layout.headDim());
    return token * layout.region().tokens().size() < Footprint.DIRECT_BYTES
        ? new DiskKvStore(spec.name(), layout, file, staging, context.kernels())
        : new DirectKvStore(spec.name(), layout, file, staging, context.kernels());
  }

  @Override
  public long usedBytes() {
    return budget.used();
  }

  @Override
  public void close() {
    stores.forEach(KvStore::close);
  }
}
