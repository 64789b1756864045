package dev.stowage.runtime.host;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Footprint;
import dev.stowage.runtime.device.Budget;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.system.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BiFunction;

/** Host memory, off the Java heap. */
final class HostDevice implements Device {
  private static final long ALIGNMENT = 64;
  private static final long PAGE = Footprint.PAGE_BYTES; // what disks read to

  /** Buffers of less, filled once, take no time worth saving. */
  private static final long MAPPED_BYTES = 16 << 20;

  private final DeviceSpec spec;
  private final Kernels kernels;
  private final Budget budget;
  private final Arena arena = Arena.ofShared();

  HostDevice(DeviceSpec spec, Kernels kernels) {
    this.spec = spec;
    this.kernels = kernels;
    budget = new Budget(spec);
  }

  @Override
  public DeviceSpec spec() {
    return spec;
  }

  @Override
  public MemorySegment allocate(String purpose, long bytes) {
    return allocate(purpose, bytes, MAPPED_BYTES, Mapping::of);
  }

  @Override
  public MemorySegment allocateForReads(String purpose, long bytes) {
    return allocate(purpose, bytes, Mapping.HUGE_PAGE_BYTES, Mapping::ofHugePages);
  }

  /**
   * @param from so many bytes on, they are mapped
   */
  private MemorySegment allocate(
      String purpose, long bytes, long from, BiFunction<Arena, Long, MemorySegment> mapped) {
    budget.take(purpose, bytes);
    try {
      if (bytes < from) {
        return arena.allocate(bytes, bytes < PAGE ? ALIGNMENT : PAGE);
      }
      try {
        return mapped.apply(arena, bytes);
      } catch (UnsupportedOperationException e) {
        return arena.allocate(bytes, PAGE);
      }
    } catch (OutOfMemoryError e) {
      throw new DeviceException(
          spec.name(),
          "%s needs %d bytes, within the plan's budget, but this machine has not that much memory left"
              .formatted(purpose, bytes),
          e);
    }
  }

  @Override
  public KvStore openKv(KvLayout layout, MemorySegment staging) {
    String purpose = "KV region " + layout.region().name();
    if (layout.pages().isEmpty()) {
      return new HostKvStore(layout, allocate(purpose, layout.bytes()), kernels);
    }
    budget.take(purpose, layout.bytes());
    try {
      return new HostKvStore(layout, layout.pages().get(), arena, kernels);
    } catch (UnsupportedOperationException | OutOfMemoryError e) {
      throw new DeviceException(
          spec.name(),
          "%s is planned to give memory back when sequences end: %s"
              .formatted(purpose, e.getMessage()),
          e);
    }
  }

  @Override
  public long usedBytes() {
    return budget.used();
  }

  @Override
  public void close() {
    arena.close();
  }
}
