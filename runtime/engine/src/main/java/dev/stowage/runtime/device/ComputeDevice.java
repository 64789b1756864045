package dev.stowage.runtime.device;

import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * A device that computes in memory of its own, which neither the host's kernels nor the host's
 * loads and stores reach: its segments are addresses for its own kernels and copies. Work is
 * started by a call and runs later, in the order of the calls.
 */
public interface ComputeDevice extends Device {
  /** Its kernels: the segments they take are all this device's. */
  Kernels kernels();

  /**
   * Copies host memory to the device's, after all work started so far. The host's memory may change
   * as soon as this returns.
   */
  void write(MemorySegment host, MemorySegment device);

  /** Copies the device's memory to the host's, after all work started so far, and waits for it. */
  void read(MemorySegment device, MemorySegment host);

  /**
   * Host memory that copies reach fastest, until the device closes. It is the driver's, and not
   * part of what a plan may use of the host.
   */
  MemorySegment hostMemory(String purpose, long bytes);

  /**
   * Says that copies will come from memory of the host, so that they run at full speed if the
   * system allows it.
   */
  void expectCopiesFrom(MemorySegment host);

  /** A lane for one thread that brings data while kernels run. */
  CopyLane copyLane();

  /** A place in the order of started work, to wait for. */
  Mark mark();

  /** Brings data beside the kernels; used by one thread. */
  interface CopyLane {
    /** Copies host memory to the device's, and waits for it. */
    void write(MemorySegment host, MemorySegment device);
  }

  /** Set by the thread that starts work, awaited by any. */
  interface Mark {
    /** Marks all work started so far. */
    void set();

    /** Waits until the work that was last marked has run; returns at once if none ever was. */
    void await();
  }
}
