package dev.stowage.runtime.session;

import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.storage.Request;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The slots of a ring on a gpu: what was read from files to a slot in host memory is copied to the
 * same place of the gpu's slot, and rows that lie in host memory straight from there. Copies run on
 * a lane of their own, beside the kernels; a slot is filled again only after the kernels that read
 * it have run.
 */
final class GpuRing implements WeightStream.Onward {
  private final ComputeDevice.CopyLane copies;
  private final List<MemorySegment> landing;
  private final List<MemorySegment> ring;
  private final ComputeDevice.Mark[] marks;
  private final long[] bytes;

  /**
   * @param copies used under its own lock
   * @param landing slots in host memory; empty where nothing is read from files
   * @param bytes of every entry of the sequence, the first bytes of its slot that are read
   */
  GpuRing(
      ComputeDevice gpu,
      ComputeDevice.CopyLane copies,
      List<MemorySegment> landing,
      List<MemorySegment> ring,
      long[] bytes) {
    this.copies = copies;
    this.landing = landing;
    this.ring = ring;
    this.bytes = bytes;
    marks = new ComputeDevice.Mark[ring.size()];
    for (int slot = 0; slot < marks.length; slot++) {
      marks[slot] = gpu.mark();
    }
  }

  @Override
  public void released(int slot) {
    marks[slot].set();
  }

  @Override
  public void claim(int slot) {
    marks[slot].await();
  }

  @Override
  public void bring(int slot, int index) {
    if (bytes[index] > 0) {
      synchronized (copies) {
        copies.write(landing.get(slot), 0, ring.get(slot), 0, bytes[index]);
      }
    }
  }

  /** Rows that are copied from host memory. */
  record FromMemory(MemorySegment source, MemorySegment target, ComputeDevice.CopyLane copies)
      implements Request {
    @Override
    public long bytes() {
      return source.byteSize();
    }

    @Override
    public void read() {
      synchronized (copies) {
        copies.write(source, 0, target, 0, source.byteSize());
      }
    }
  }
}
