package dev.stowage.gpu;

import dev.stowage.runtime.device.DeviceException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.TreeMap;
import java.util.stream.LongStream;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * One GPU's context, and everything taken in it, which goes when it closes. Every call of the
 * driver goes through here; one that fails becomes a {@link DeviceException} that names the device,
 * what was being done, and the driver's word for the error.
 *
 * <p>Device memory is a segment at the GPU's address, so that operands are cut and checked like the
 * host's; only kernels and copies may touch it.
 */
final class Cuda implements AutoCloseable {
  private static final int OUT_OF_MEMORY = CUresult.CUDA_ERROR_OUT_OF_MEMORY;
  private static final int NO_BINARY = CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU;

  /** An address that the driver wrote. */
  static final class DeviceAddress extends CUdeviceptr {
    DeviceAddress() {}

    DeviceAddress(long address) {
      super(new CUdeviceptr(), address);
    }

    long value() {
      return getNativePointer();
    }
  }

  /** An address of the host. */
  static final class HostAddress extends Pointer {
    HostAddress() {}

    HostAddress(long address) {
      super(address);
    }

    long value() {
      return getNativePointer();
    }
  }

  @FunctionalInterface
  private interface Release {
    int run();
  }

  private final String device;
  private final CUcontext context = new CUcontext();
  private final CUmodule module = new CUmodule();
  private final CUdevice gpu = new CUdevice();
  private final Deque<Release> taken = new ArrayDeque<>();
  private volatile long[] locked = {}; // page-locked memory: from and end of each piece, upward

  /**
   * Opens a context on a GPU and loads the kernels into it.
   *
   * @param device the device's name in the plan, for messages
   * @throws DeviceException if the driver refuses, or none of the kernels' binaries fits
   */
  static Cuda open(String device, int ordinal) {
    var cuda = new Cuda(device);
    try {
      cuda.open(ordinal);
      return cuda;
    } catch (RuntimeException e) {
      cuda.close();
      throw e;
    }
  }

  private Cuda(String device) {
    this.device = device;
  }

  private void open(int ordinal) {
    JCudaDriver.setExceptionsEnabled(false);
    check("start", JCudaDriver.cuInit(0));
    check("choose GPU " + ordinal, JCudaDriver.cuDeviceGet(gpu, ordinal));
    check("open a context", JCudaDriver.cuCtxCreate(context, 0, gpu));
    taken.push(() -> JCudaDriver.cuCtxDestroy(context));
    int result = JCudaDriver.cuModuleLoadData(module, binary());
    if (result == NO_BINARY) {
      throw new DeviceException(
          device,
          "the kernels do not run on %s: it has compute capability %s, and 7.5 or more is needed"
              .formatted(name(), capability()));
    }
    check("load the kernels", result);
    taken.push(() -> JCudaDriver.cuModuleUnload(module));
  }

  /** The fat binary. The driver reads its length from its head. */
  private static byte[] binary() {
    try (var in = Cuda.class.getResourceAsStream("kernels.fatbin")) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException("the kernels' binary cannot be read", e);
    }
  }

  /** The GPU's name, as its driver says it. */
  String name() {
    var bytes = new byte[256];
    JCudaDriver.cuDeviceGetName(bytes, bytes.length, gpu);
    return new String(bytes, StandardCharsets.US_ASCII).trim();
  }

  /** Its compute capability, as {@code 9.0}. */
  String capability() {
    return attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        + "."
        + attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  }

  /** The number of one of the GPU's attributes, {@link CUdevice_attribute}. */
  int attribute(int attribute) {
    var value = new int[1];
    JCudaDriver.cuDeviceGetAttribute(value, attribute, gpu);
    return value[0];
  }

  /** Makes this context the calling thread's, whichever thread that is. */
  private void enter() {
    check("enter the context", JCudaDriver.cuCtxSetCurrent(context));
  }

  /** Device memory, until this closes; what is in it is undefined. */
  MemorySegment allocate(String purpose, long bytes) {
    enter();
    var address = new DeviceAddress();
    int result = JCudaDriver.cuMemAlloc(address, Math.max(bytes, 1));
    if (result == OUT_OF_MEMORY) {
      throw new DeviceException(
          device,
          "%s needs %d bytes, within the plan's budget, but the GPU has only %d bytes left"
              .formatted(purpose, bytes, freeBytes()));
    }
    check("allocate %d bytes for %s".formatted(bytes, purpose), result);
    taken.push(() -> JCudaDriver.cuMemFree(address));
    return segment(address.value(), bytes);
  }

  /** Bytes of the GPU's memory that nobody has taken. */
  long freeBytes() {
    enter();
    var free = new long[1];
    check("say how much memory is free", JCudaDriver.cuMemGetInfo(free, new long[1]));
    return free[0];
  }

  /** Page-locked host memory, which kernels can read too, until this closes. */
  MemorySegment pinned(String purpose, long bytes) {
    enter();
    var address = new HostAddress();
    check(
        "lock %d bytes of host memory for %s".formatted(bytes, purpose),
        JCudaDriver.cuMemHostAlloc(address, bytes, JCudaDriver.CU_MEMHOSTALLOC_PORTABLE));
    taken.push(() -> JCudaDriver.cuMemFreeHost(address));
    addLocked(address.value(), bytes);
    return segment(address.value(), bytes);
  }

  /**
   * Page-locks host memory that somebody else owns, until this closes, if the system allows it.
   * What another GPU's context has locked is locked for all; it closes last that was opened first.
   */
  void lock(MemorySegment memory) {
    enter();
    var address = new HostAddress(memory.address());
    int result =
        JCudaDriver.cuMemHostRegister(
            address, memory.byteSize(), JCudaDriver.CU_MEMHOSTREGISTER_PORTABLE);
    if (result == CUresult.CUDA_SUCCESS) {
      taken.push(() -> JCudaDriver.cuMemHostUnregister(address));
      addLocked(memory.address(), memory.byteSize());
    } else if (result == CUresult.CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED) {
      addLocked(memory.address(), memory.byteSize());
    }
  }

  /** Whether host memory is page-locked, so that the GPU can copy from and to it by itself. */
  boolean isLocked(long address, long bytes) {
    var pieces = locked;
    int low = 0; // pieces that begin no later than the address
    int high = pieces.length / 2;
    while (low < high) {
      int middle = (low + high) / 2;
      if (pieces[2 * middle] <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low > 0 && address + bytes <= pieces[2 * low - 1];
  }

  private synchronized void addLocked(long address, long bytes) {
    var pieces = new TreeMap<Long, Long>();
    for (int i = 0; i < locked.length; i += 2) {
      pieces.put(locked[i], locked[i + 1]);
    }
    pieces.put(address, address + bytes);
    locked =
        pieces.entrySet().stream()
            .flatMapToLong(piece -> LongStream.of(piece.getKey(), piece.getValue()))
            .toArray();
  }

  @SuppressWarnings("restricted") // the driver gave the address and the length
  private static MemorySegment segment(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** A stream whose address other libraries of the driver may be given. */
  static final class Stream extends CUstream {
    long address() {
      return getNativePointer();
    }
  }

  Stream stream() {
    enter();
    var stream = new Stream();
    check(
        "open a stream", JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
    taken.push(() -> JCudaDriver.cuStreamDestroy(stream));
    return stream;
  }

  CUevent event() {
    enter();
    var event = new CUevent();
    check("make an event", JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING));
    taken.push(() -> JCudaDriver.cuEventDestroy(event));
    return event;
  }

  CUfunction function(String kernel) {
    var function = new CUfunction();
    check("find the kernel " + kernel, JCudaDriver.cuModuleGetFunction(function, module, kernel));
    return function;
  }

  /** The compute capability that a kernel's code was made for: 10 · major + minor. */
  int compiledFor(CUfunction function) {
    var version = new int[1];
    check(
        "say what a kernel was compiled for",
        JCudaDriver.cuFuncGetAttribute(
            version, CUfunction_attribute.CU_FUNC_ATTRIBUTE_PTX_VERSION, function));
    return version[0];
  }

  /** A kernel that takes so many bytes of shared memory at each launch. */
  CUfunction function(String kernel, int sharedBytes) {
    var function = function(kernel);
    check(
        "give %d bytes of shared memory to %s".formatted(sharedBytes, kernel),
        JCudaDriver.cuFuncSetAttribute(
            function,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
            sharedBytes));
    return function;
  }

  /** Copies from page-locked memory, once the stream comes to it. */
  void copyIn(HostAddress from, DeviceAddress to, long bytes, CUstream stream) {
    enter();
    check("copy to the GPU", JCudaDriver.cuMemcpyHtoDAsync(to, from, bytes, stream));
  }

  /** Copies a segment from page-locked memory, once the stream comes to it. */
  void copyIn(MemorySegment from, MemorySegment to, CUstream stream) {
    copyIn(
        new HostAddress(from.address()), new DeviceAddress(to.address()), from.byteSize(), stream);
  }

  /** Copies to page-locked memory, once the stream comes to it. */
  void copyOut(DeviceAddress from, HostAddress to, long bytes, CUstream stream) {
    enter();
    check("copy from the GPU", JCudaDriver.cuMemcpyDtoHAsync(to, from, bytes, stream));
  }

  /** Copies within the GPU's memory, once the stream comes to it. */
  void copyWithin(MemorySegment from, MemorySegment to, CUstream stream) {
    enter();
    check(
        "copy within the GPU",
        JCudaDriver.cuMemcpyDtoDAsync(
            new DeviceAddress(to.address()),
            new DeviceAddress(from.address()),
            from.byteSize(),
            stream));
  }

  /** Copies a segment to page-locked memory, once the stream comes to it. */
  void copyOut(MemorySegment from, MemorySegment to, CUstream stream) {
    copyOut(
        new DeviceAddress(from.address()), new HostAddress(to.address()), from.byteSize(), stream);
  }

  /** Copies from another GPU's memory, once the stream comes to it; over the host if need be. */
  void copyFrom(Cuda other, DeviceAddress from, DeviceAddress to, long bytes, CUstream stream) {
    if (bytes > 0) {
      enter();
      check(
          "copy from another GPU",
          JCudaDriver.cuMemcpyPeerAsync(to, context, from, other.context, bytes, stream));
    }
  }

  void zero(MemorySegment memory, CUstream stream) {
    if (memory.byteSize() > 0) {
      enter();
      check(
          "clear memory",
          JCudaDriver.cuMemsetD8Async(
              new DeviceAddress(memory.address()), (byte) 0, memory.byteSize(), stream));
    }
  }

  void await(CUstream stream) {
    enter();
    check("finish what was started", JCudaDriver.cuStreamSynchronize(stream));
  }

  void await(CUevent event) {
    enter();
    check("finish what was started", JCudaDriver.cuEventSynchronize(event));
  }

  /** What is started on the stream from now on waits for what the event marks. */
  void order(CUstream stream, CUevent event) {
    enter();
    check("order two lanes", JCudaDriver.cuStreamWaitEvent(stream, event, 0));
  }

  void record(CUevent event, CUstream stream) {
    enter();
    check("order two lanes", JCudaDriver.cuEventRecord(event, stream));
  }

  void launch(
      CUfunction function,
      long gridX,
      int gridY,
      int threads,
      int sharedBytes,
      CUstream stream,
      Pointer parameters) {
    enter();
    check(
        "launch a kernel",
        JCudaDriver.cuLaunchKernel(
            function,
            Math.toIntExact(gridX),
            gridY,
            1,
            threads,
            1,
            1,
            sharedBytes,
            stream,
            parameters,
            null));
  }

  private void check(String doing, int result) {
    if (result != CUresult.CUDA_SUCCESS) {
      var name = new String[1];
      var text = new String[1];
      JCudaDriver.cuGetErrorName(result, name);
      JCudaDriver.cuGetErrorString(result, text);
      throw new DeviceException(
          device, "the GPU could not %s: %s (%s)".formatted(doing, name[0], text[0]));
    }
  }

  /** Gives everything back; a GPU that is lost has nothing to give, so that errors do not count. */
  @Override
  public void close() {
    if (!taken.isEmpty()) {
      JCudaDriver.cuCtxSetCurrent(context);
      JCudaDriver.cuCtxSynchronize(); // what was started may still copy to what is given back
    }
    while (!taken.isEmpty()) {
      taken.pop().run();
    }
  }
}
