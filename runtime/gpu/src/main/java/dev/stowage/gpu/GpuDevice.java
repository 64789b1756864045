package dev.stowage.gpu;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Budget;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;

/**
 * A GPU: memory within the plan's budget, however much the card has, and kernels on one stream.
 * What the driver, the kernels and their tables take beside that lies in the plan's reserve.
 */
final class GpuDevice implements ComputeDevice {
  private static final long STAGING = 4L << 20;

  private final DeviceSpec spec;
  private final Budget budget;
  private final Cuda cuda;
  private final CUstream stream;
  private final Launcher launcher;
  private final CudaKernels kernels;
  private final Staging staging;

  static GpuDevice open(DeviceSpec spec, int ordinal) {
    var cuda = Cuda.open(spec.name(), ordinal);
    try {
      return new GpuDevice(spec, cuda);
    } catch (RuntimeException e) {
      cuda.close();
      throw e;
    }
  }

  private GpuDevice(DeviceSpec spec, Cuda cuda) {
    this.spec = spec;
    this.cuda = cuda;
    budget = new Budget(spec);
    stream = cuda.stream();
    launcher = new Launcher(cuda, stream);
    kernels = new CudaKernels(cuda, launcher);
    staging = new Staging(stream);
  }

  @Override
  public DeviceSpec spec() {
    return spec;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  /** {@inheritDoc} The segment is the GPU's: only kernels and copies reach it. */
  @Override
  public MemorySegment allocate(String purpose, long bytes) {
    budget.take(purpose, bytes);
    var memory = cuda.allocate(purpose, bytes);
    cuda.zero(memory, stream);
    return memory;
  }

  @Override
  public KvStore openKv(KvLayout layout, MemorySegment staging) {
    var region = layout.region();
    if (region.sparsity().isPresent()) {
      throw cannot("attend sparsely to KV region " + region.name() + "; keep it on a host or csd");
    }
    if (layout.type().wholeGroups()) {
      throw cannot("store keys and values as " + layout.type().word());
    }
    if (layout.headDim() > CudaKernels.WIDEST_HEAD) {
      throw cannot(
          "attend with heads of %d numbers: its kernels take %d at most"
              .formatted(layout.headDim(), CudaKernels.WIDEST_HEAD));
    }
    if (!Launcher.fits(layout.rowsPerPass())) {
      throw cannot(
          "take %d rows a pass; choose a smaller prefill chunk".formatted(layout.rowsPerPass()));
    }
    var memory =
        allocate("KV region " + region.name(), region.bytes(layout.headDim(), layout.type()));
    return new GpuKvStore(layout, memory, kernels, launcher);
  }

  private DeviceException cannot(String what) {
    return new DeviceException(spec.name(), "a gpu cannot " + what);
  }

  @Override
  public void write(MemorySegment host, MemorySegment device) {
    staging.write(host, device);
  }

  @Override
  public void read(MemorySegment device, MemorySegment host) {
    staging.read(device, host);
  }

  @Override
  public MemorySegment hostMemory(String purpose, long bytes) {
    return cuda.pinned(purpose, bytes);
  }

  @Override
  public void expectCopiesFrom(MemorySegment host) {
    cuda.lock(host);
  }

  @Override
  public CopyLane copyLane() {
    var lane = new Staging(cuda.stream());
    return (host, device) -> {
      if (cuda.isLocked(host)) {
        cuda.copyIn(host, device, lane.stream);
      } else {
        lane.write(host, device);
      }
      cuda.await(lane.stream);
    };
  }

  @Override
  public Mark mark() {
    var event = cuda.event();
    return new Mark() {
      @Override
      public void set() {
        cuda.record(event, stream);
      }

      @Override
      public void await() {
        cuda.await(event);
      }
    };
  }

  @Override
  public long usedBytes() {
    return budget.used();
  }

  @Override
  public String activity() {
    return cuda.name();
  }

  @Override
  public void close() {
    cuda.close();
  }

  /** Two page-locked buffers that take turns, so that one is filled while the other is copied. */
  private final class Staging {
    final CUstream stream;
    final MemorySegment[] halves = new MemorySegment[2];
    final CUevent[] copied = new CUevent[2];
    int turn;

    Staging(CUstream stream) {
      this.stream = stream;
      for (int i = 0; i < halves.length; i++) {
        halves[i] = cuda.pinned("copies", STAGING);
        copied[i] = cuda.event();
      }
    }

    void write(MemorySegment host, MemorySegment device) {
      for (long at = 0; at < host.byteSize(); at += STAGING) {
        long bytes = Math.min(STAGING, host.byteSize() - at);
        turn ^= 1;
        cuda.await(copied[turn]);
        var half = halves[turn].asSlice(0, bytes);
        half.copyFrom(host.asSlice(at, bytes));
        cuda.copyIn(half, device.asSlice(at, bytes), stream);
        cuda.record(copied[turn], stream);
      }
    }

    void read(MemorySegment device, MemorySegment host) {
      if (cuda.isLocked(host)) {
        cuda.copyOut(device, host, stream);
        cuda.await(stream);
        return;
      }
      for (long at = 0; at < host.byteSize(); at += STAGING) {
        long bytes = Math.min(STAGING, host.byteSize() - at);
        turn ^= 1;
        cuda.await(copied[turn]);
        var half = halves[turn].asSlice(0, bytes);
        cuda.copyOut(device.asSlice(at, bytes), half, stream);
        cuda.await(stream);
        host.asSlice(at, bytes).copyFrom(half);
      }
    }
  }
}
