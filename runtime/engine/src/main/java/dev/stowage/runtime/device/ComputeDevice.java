package dev.stowage.runtime.device;

import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * A device that computes in memory of its own, which neither the host's kernels nor the host's
 * loads and stores reach: its segments are addresses for its own kernels and copies. Work is
 * started by a call and runs later, in the order of the calls. All but lanes and marks are used by
 * one thread; once a place has been copied from or to, copying it again allocates nothing on the
 * Java heap.
 */
public interface ComputeDevice extends Device {
  /** Its kernels: the segments they take are all this device's. */
  Kernels kernels();

  /**
   * Copies host memory to the device's, after all work started so far. The host's memory may change
   * as soon as this returns.
   */
  void write(MemorySegment host, long from, MemorySegment device, long to, long bytes);

  /** Copies all of a segment. */
  default void write(MemorySegment host, MemorySegment device) {
    write(host, 0, device, 0, host.byteSize());
  }

  /** Copies the device's memory to the host's, after all work started so far, and waits for it. */
  void read(MemorySegment device, long from, MemorySegment host, long to, long bytes);

  /** Copies all of a segment. */
  default void read(MemorySegment device, MemorySegment host) {
    read(device, 0, host, 0, device.byteSize());
  }

  /**
   * Copies host memory to the device's, after all work started so far, without waiting: the host's
   * memory must not change before a {@link Mark} that is set later is reached.
   */
  void writeLater(MemorySegment host, long from, MemorySegment device, long to, long bytes);

  /**
   * Copies the device's memory to the host's, after all work started so far, without waiting: it is
   * there when a {@link Mark} that is set later is reached.
   */
  void readLater(MemorySegment device, long from, MemorySegment host, long to, long bytes);

  /** Work that is started from now on waits for what a mark of any such device marks. */
  void startAfter(Mark mark);

  /**
   * Copies another such device's memory to this one's, after all work started here so far, without
   * waiting. What must have run there is said by {@link #startAfter}.
   */
  void receiveLater(
      ComputeDevice other,
      MemorySegment source,
      long from,
      MemorySegment here,
      long to,
      long bytes);

  /**
   * Host memory that copies reach fastest, until the device closes. It is the driver's, and not
   * part of what a plan may use of the host.
   */
  MemorySegment hostMemory(String purpose, long bytes);

  /**
   * Says that copies will come from and go to memory of the host, so that they run at full speed if
   * the system allows it.
   */
  void expectCopies(MemorySegment host);

  /**
   * Attention here to keys and values that lie elsewhere, brought in turn to two halves of some of
   * this device's memory.
   *
   * @param staging this device's memory, with room for one sequence in one layer
   */
  KvAttention attention(KvLayout layout, KvSource source, MemorySegment staging);

  /** A lane for one thread that brings data while kernels run. */
  CopyLane copyLane();

  /** A place in the order of started work, to wait for. */
  Mark mark();

  /** Brings data beside the kernels; used by one thread at a time. */
  interface CopyLane {
    /** Copies host memory to the device's, and waits for it. */
    void write(MemorySegment host, long from, MemorySegment device, long to, long bytes);

    /** Copies all of a segment. */
    default void write(MemorySegment host, MemorySegment device) {
      write(host, 0, device, 0, host.byteSize());
    }

    /** Copies the device's memory to the host's, and waits for it. */
    void read(MemorySegment device, long from, MemorySegment host, long to, long bytes);
  }

  /** Set by the thread that starts work, awaited by any. */
  interface Mark {
    /** Marks all work started so far. */
    void set();

    /** Waits until the work that was last marked has run; returns at once if none ever was. */
    void await();
  }
}
