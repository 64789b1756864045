package dev.stowage.gpu;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Budget;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvAttention;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;

/**
 * A GPU: memory within the plan's budget, however much the card has, and kernels on one stream.
 * What the driver, the kernels and their tables take beside that lies in the plan's reserve.
 */
final class GpuDevice implements ComputeDevice {
  private final DeviceSpec spec;
  private final Budget budget;
  private final Cuda cuda;
  private final CUstream stream;
  private final Launcher launcher;
  private final CudaKernels kernels;
  private final Link link; // in the order of the kernels
  private final Addresses<Cuda.DeviceAddress> gpuAddresses =
      new Addresses<>(Cuda.DeviceAddress::new); // between gpus
  private Link copies; // beside them, of keys and values that lie elsewhere; made when needed

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
    link = new Link(cuda, stream);
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
    refuseKv(layout);
    var memory =
        allocate("KV region " + region.name(), region.bytes(layout.headDim(), layout.type()));
    var sparse =
        region.sparsity().map(s -> new GpuSparseRegion(layout, s, memory, cuda, kernels, launcher));
    return new GpuKvStore(layout, memory, kernels, launcher, sparse);
  }

  private void refuseKv(KvLayout layout) {
    var region = layout.region();
    if (region.sparsity().isPresent() && !GpuSparseRegion.fits(layout, region.sparsity().get())) {
      throw cannot(
          "choose among the %d tokens of KV region %s, so many at once"
              .formatted(region.tokens().size(), region.name()));
    }
    if (layout.type().wholeGroups()) {
      throw cannot("store keys and values as " + layout.type().word());
    }
    if (layout.headDim() > kernels.widestHead()) {
      throw cannot(
          "attend with heads of %d numbers: its kernels take %d at most"
              .formatted(layout.headDim(), kernels.widestHead()));
    }
    if (!Launcher.fits(layout.rowsPerPass())) {
      throw cannot(
          "take %d rows a pass; choose a smaller prefill chunk".formatted(layout.rowsPerPass()));
    }
  }

  private DeviceException cannot(String what) {
    return new DeviceException(spec.name(), "a gpu cannot " + what);
  }

  @Override
  public void write(MemorySegment host, long from, MemorySegment device, long to, long bytes) {
    link.writeThrough(host, from, device, to, bytes);
  }

  @Override
  public void read(MemorySegment device, long from, MemorySegment host, long to, long bytes) {
    link.read(device, from, host, to, bytes);
  }

  @Override
  public void writeLater(MemorySegment host, long from, MemorySegment device, long to, long bytes) {
    link.writeLater(host, from, device, to, bytes);
  }

  @Override
  public void readLater(MemorySegment device, long from, MemorySegment host, long to, long bytes) {
    link.readLater(device, from, host, to, bytes);
  }

  @Override
  public MemorySegment hostMemory(String purpose, long bytes) {
    return cuda.pinned(purpose, bytes);
  }

  @Override
  public void expectCopies(MemorySegment host) {
    cuda.lock(host);
  }

  @Override
  public KvAttention attention(KvLayout layout, KvSource source, MemorySegment staging) {
    refuseKv(layout);
    if (copies == null) {
      copies = new Link(cuda, cuda.stream());
    }
    return new BroughtAttention(layout, source, staging, cuda, kernels, launcher, stream, copies);
  }

  @Override
  public CopyLane copyLane() {
    return new Link(cuda, cuda.stream());
  }

  /** A place in the order of a stream. */
  private static final class StreamMark implements Mark {
    private final Cuda cuda;
    private final CUstream stream;
    private final CUevent event;

    StreamMark(Cuda cuda, CUstream stream) {
      this.cuda = cuda;
      this.stream = stream;
      event = cuda.event();
    }

    @Override
    public void set() {
      cuda.record(event, stream);
    }

    @Override
    public void await() {
      cuda.await(event);
    }
  }

  @Override
  public Mark mark() {
    return new StreamMark(cuda, stream);
  }

  @Override
  public void startAfter(Mark mark) {
    if (!(mark instanceof StreamMark other)) {
      throw cannot("wait for what is no gpu's");
    }
    cuda.order(stream, other.event);
  }

  @Override
  public void receiveLater(
      ComputeDevice other,
      MemorySegment source,
      long from,
      MemorySegment here,
      long to,
      long bytes) {
    if (!(other instanceof GpuDevice gpu)) {
      throw cannot("copy from what is no gpu's");
    }
    Objects.checkFromIndexSize(from, bytes, source.byteSize());
    Objects.checkFromIndexSize(to, bytes, here.byteSize());
    cuda.copyFrom(
        gpu.cuda,
        gpuAddresses.of(source.address() + from),
        gpuAddresses.of(here.address() + to),
        bytes,
        stream);
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
}
