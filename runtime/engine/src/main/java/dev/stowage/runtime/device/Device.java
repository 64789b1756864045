package dev.stowage.runtime.device;

import dev.stowage.plan.DeviceSpec;
import java.lang.foreign.MemorySegment;

/**
 * One device of a machine, open for one plan. Closing it gives everything back; its stores close
 * with it.
 */
public interface Device extends AutoCloseable {
  DeviceSpec spec();

  /**
   * Sets aside memory that the host's kernels can address, 64-byte aligned and zeroed, until the
   * device closes.
   *
   * @param purpose what for, in the user's words; named in the error
   * @throws DeviceException if the device's usable bytes do not suffice, with what was asked, used
   *     and there
   */
  MemorySegment allocate(String purpose, long bytes);

  /**
   * Sets memory aside as {@link #allocate} does, for what comes from disks again and again.
   *
   * @throws DeviceException likewise
   */
  default MemorySegment allocateForReads(String purpose, long bytes) {
    return allocate(purpose, bytes);
  }

  /**
   * Opens the store of one KV region.
   *
   * @param staging host memory, within the host's budget, that the store may use while it appends
   *     and attends; {@link dev.stowage.plan.Footprint#stagingBytes} long
   */
  KvStore openKv(KvLayout layout, MemorySegment staging);

  /**
   * Bytes in use: allocations and the stores' whole capacity. Never above {@link
   * DeviceSpec#usableBytes}.
   */
  long usedBytes();

  /**
   * What the device did so far, in one line for the summary of a run; empty if there is nothing
   * beyond bytes to tell. Numbers that a simulation yields say so.
   */
  default String activity() {
    return "";
  }

  @Override
  void close();
}
