package dev.stowage.csd;

import dev.stowage.csd.command.CsdStatistics;
import dev.stowage.csd.emulator.DriveEmulator;
import dev.stowage.csd.emulator.DriveTiming;
import dev.stowage.csd.flash.FlashException;
import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.flash.FlashImage;
import dev.stowage.csd.transport.EmbeddedTransport;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A computational storage drive. Its stores may be used by different threads, which take turns at
 * the drive.
 *
 * <p>What a region may hold at most counts against the plan's capacity from the moment it opens.
 * The drive's flash is larger than what it sells, so the padding of its pages does not.
 */
public final class CsdDevice implements Device {
  private static final double USUAL_DRAM_BYTES = 2L << 30;
  private static final long SHARED_BYTES = 4L << 20;

  private final DeviceSpec spec;
  private final CsdDrive drive;
  private final Optional<Path> temporaryFolder;
  private final List<CsdKvStore> stores = new ArrayList<>();
  private long usedBytes;
  private int regions;
  private boolean closed;

  private CsdDevice(DeviceSpec spec, CsdDrive drive, Optional<Path> temporaryFolder) {
    this.spec = spec;
    this.drive = drive;
    this.temporaryFolder = temporaryFolder;
  }

  /**
   * Turns an emulated drive on. Its flash is the file {@code NAME.flash} in the device's path,
   * deleted when it closes.
   *
   * @param base where a relative path starts
   * @throws DeviceException if the flash cannot be made there
   */
  static CsdDevice emulated(DeviceSpec spec, Path base) {
    FlashGeometry geometry;
    try {
      geometry = FlashGeometry.forCapacity(spec.usableBytes());
    } catch (IllegalArgumentException e) {
      throw new DeviceException(spec.name(), e.getMessage(), e);
    }
    long dram = (long) rate(spec, Rate.DRAM, USUAL_DRAM_BYTES);
    return emulated(spec, base, geometry, dram, SHARED_BYTES);
  }

  static CsdDevice emulated(
      DeviceSpec spec, Path base, FlashGeometry geometry, long dramBytes, long sharedBytes) {
    Optional<Path> temporary = spec.path().isPresent() ? Optional.empty() : temporaryFolder(spec);
    try {
      var folder = temporary.orElseGet(() -> base.resolve(spec.path().orElseThrow()));
      var file = folder.resolve(spec.name() + ".flash");
      var timing = timing(spec, geometry);
      var transport =
          EmbeddedTransport.open(
              spec.name(), sharedBytes, shared -> drive(file, geometry, timing, dramBytes, shared));
      return new CsdDevice(spec, CsdDrive.open(spec.name(), transport), temporary);
    } catch (FlashException | IllegalArgumentException | OutOfMemoryError e) {
      temporary.ifPresent(folder -> folder.toFile().delete());
      throw new DeviceException(spec.name(), e.getMessage(), e);
    }
  }

  private static DriveEmulator drive(
      Path file, FlashGeometry geometry, DriveTiming timing, long dramBytes, MemorySegment shared) {
    var image = FlashImage.create(file, geometry);
    try {
      return new DriveEmulator(image, timing, dramBytes, shared);
    } catch (RuntimeException | Error e) {
      image.close();
      throw e;
    }
  }

  private static Optional<Path> temporaryFolder(DeviceSpec spec) {
    try {
      return Optional.of(Files.createTempDirectory("stowage-csd"));
    } catch (IOException e) {
      throw new DeviceException(
          spec.name(), "no temporary folder for its flash: " + e.getMessage(), e);
    }
  }

  private static DriveTiming timing(DeviceSpec spec, FlashGeometry geometry) {
    var usual = DriveTiming.INSTINFER;
    return new DriveTiming(
        rate(spec, Rate.INTERNAL_READ, usual.channelRate() * geometry.channels())
            / geometry.channels(),
        rate(spec, Rate.READ_TIME, usual.pageRead()),
        rate(spec, Rate.PROGRAM_TIME, usual.pageProgram()),
        rate(spec, Rate.WRITE, usual.programRate() * geometry.channels()) / geometry.channels(),
        usual.blockErase(),
        rate(spec, Rate.READ, usual.linkRate()),
        rate(spec, Rate.ATTENTION, usual.engineRate()),
        rate(spec, Rate.LATENCY, usual.latency()));
  }

  private static double rate(DeviceSpec spec, Rate rate, double usual) {
    var value = spec.rates().get(rate);
    return value == null ? usual : value.value();
  }

  @Override
  public DeviceSpec spec() {
    return spec;
  }

  /** Always fails: a drive's memory is not the host's. */
  @Override
  public MemorySegment allocate(String purpose, long bytes) {
    throw new DeviceException(
        spec.name(),
        "%d bytes for %s cannot lie here: the host's kernels do not reach a drive's memory; a CSD keeps KV cache only"
            .formatted(bytes, purpose));
  }

  @Override
  public synchronized KvStore openKv(KvLayout layout, MemorySegment staging) {
    if (closed) {
      throw new IllegalStateException("device " + spec.name() + " is closed");
    }
    var region = layout.region();
    long bytes;
    try {
      bytes = region.bytes(layout.headDim(), layout.type());
    } catch (ArithmeticException e) {
      throw new DeviceException(
          spec.name(), "KV region " + region.name() + " is larger than any drive", e);
    }
    if (bytes > spec.usableBytes() - usedBytes) {
      throw new DeviceException(
          spec.name(),
          "KV region %s needs %d bytes, and %d of %d are in use"
              .formatted(region.name(), bytes, usedBytes, spec.usableBytes()));
    }
    var store = new CsdKvStore(drive, layout, regions, () -> give(bytes));
    regions++;
    usedBytes += bytes;
    stores.add(store);
    return store;
  }

  private synchronized void give(long bytes) {
    usedBytes -= bytes;
  }

  @Override
  public synchronized long usedBytes() {
    return usedBytes;
  }

  /** What the drive did so far. */
  public CsdStatistics statistics() {
    return drive.statistics();
  }

  @Override
  public String activity() {
    var did = statistics();
    var sparse =
        did.sparsePagesDense() == 0
            ? ""
            : "; sparse attention read %d pages, %.3f of those of all tokens"
                .formatted(did.sparsePages(), (double) did.sparsePages() / did.sparsePagesDense());
    return "emulated drive: %d bytes in, %d bytes out, %d pages read, %d programmed%s; %.4f s in a real drive (simulated)"
        .formatted(
            did.bytesIn(),
            did.bytesOut(),
            did.pagesRead(),
            did.pagesProgrammed(),
            sparse,
            did.simulatedSeconds());
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      stores.forEach(CsdKvStore::close);
    } finally {
      try {
        drive.close();
      } catch (FlashException e) {
        throw new DeviceException(spec.name(), e.getMessage(), e);
      } finally {
        temporaryFolder.ifPresent(folder -> folder.toFile().delete());
      }
    }
  }
}
