package dev.stowage.gpu;

import dev.stowage.runtime.device.ComputeDevice;
import java.lang.foreign.MemorySegment;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;

/**
 * Copies between host and GPU, in the order of one stream. Page-locked memory is copied as it lies;
 * any other passes through two page-locked buffers that take turns, so that one is filled while the
 * other is copied. Used by one thread at a time.
 */
final class Link implements ComputeDevice.CopyLane {
  private static final long STAGING = 4L << 20;

  private final Cuda cuda;
  private final CUstream stream;
  private final MemorySegment[] halves = new MemorySegment[2];
  private final CUevent[] copied = new CUevent[2];
  private final Addresses<Cuda.HostAddress> hostAddresses = new Addresses<>(Cuda.HostAddress::new);
  private final Addresses<Cuda.DeviceAddress> deviceAddresses =
      new Addresses<>(Cuda.DeviceAddress::new);
  private int turn;

  Link(Cuda cuda, CUstream stream) {
    this.cuda = cuda;
    this.stream = stream;
    for (int i = 0; i < halves.length; i++) {
      halves[i] = cuda.pinned("copies", STAGING);
      copied[i] = cuda.event();
    }
  }

  CUstream stream() {
    return stream;
  }

  /** Copies to the GPU and waits for it. */
  @Override
  public void write(MemorySegment host, long from, MemorySegment device, long to, long bytes) {
    writeLater(host, from, device, to, bytes);
    cuda.await(stream);
  }

  /** Copies to the GPU; page-locked memory must stay as it is until the stream has come to it. */
  void writeLater(MemorySegment host, long from, MemorySegment device, long to, long bytes) {
    check(host, from, device, to, bytes);
    if (cuda.isLocked(host.address() + from, bytes)) {
      in(host.address() + from, device.address() + to, bytes);
    } else {
      writeThrough(host, from, device, to, bytes);
    }
  }

  /** Copies to the GPU; the host's memory may change as soon as this returns. */
  void writeThrough(MemorySegment host, long from, MemorySegment device, long to, long bytes) {
    check(host, from, device, to, bytes);
    for (long at = 0; at < bytes; at += STAGING) {
      long piece = Math.min(STAGING, bytes - at);
      turn ^= 1;
      cuda.await(copied[turn]);
      MemorySegment.copy(host, from + at, halves[turn], 0, piece);
      in(halves[turn].address(), device.address() + to + at, piece);
      cuda.record(copied[turn], stream);
    }
  }

  @Override
  public void read(MemorySegment device, long from, MemorySegment host, long to, long bytes) {
    readLater(device, from, host, to, bytes);
    cuda.await(stream);
  }

  /** Copies from the GPU; where memory is not page-locked, waits for it. */
  void readLater(MemorySegment device, long from, MemorySegment host, long to, long bytes) {
    check(host, to, device, from, bytes);
    if (cuda.isLocked(host.address() + to, bytes)) {
      out(device.address() + from, host.address() + to, bytes);
      return;
    }
    for (long at = 0; at < bytes; at += STAGING) {
      long piece = Math.min(STAGING, bytes - at);
      turn ^= 1;
      cuda.await(copied[turn]);
      out(device.address() + from + at, halves[turn].address(), piece);
      cuda.await(stream);
      MemorySegment.copy(halves[turn], 0, host, to + at, piece);
    }
  }

  private static void check(
      MemorySegment host, long at, MemorySegment device, long to, long bytes) {
    if (bytes < 0
        || at < 0
        || to < 0
        || at > host.byteSize() - bytes
        || to > device.byteSize() - bytes) {
      throw new IndexOutOfBoundsException(
          "%d bytes at %d of %d in host memory, at %d of %d on the gpu"
              .formatted(bytes, at, host.byteSize(), to, device.byteSize()));
    }
  }

  private void in(long from, long to, long bytes) {
    if (bytes > 0) {
      cuda.copyIn(hostAddresses.of(from), deviceAddresses.of(to), bytes, stream);
    }
  }

  private void out(long from, long to, long bytes) {
    if (bytes > 0) {
      cuda.copyOut(deviceAddresses.of(from), hostAddresses.of(to), bytes, stream);
    }
  }
}
