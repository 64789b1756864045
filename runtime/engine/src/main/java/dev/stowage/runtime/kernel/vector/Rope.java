package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.RopeTable;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;

/** Rotary position embedding, shared out over rows. */
final class Rope implements WorkerPool.Task {
  /** Elements below which a second thread does not pay. */
  private static final int SERIAL_ELEMENTS = 1 << 14;

  private final WorkerPool pool;
  private MemorySegment x;
  private long xOffset;
  private long xStride;
  private RopeTable table;
  private int[] positions;
  private int first;
  private int heads;
  private int headDim;

  Rope(WorkerPool pool) {
    this.pool = pool;
  }

  void run(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim) {
    this.x = x;
    this.xOffset = xOffset;
    this.xStride = xStride;
    this.table = table;
    this.positions = positions;
    this.first = first;
    this.heads = heads;
    this.headDim = headDim;
    pool.run(this, rows, Math.max(1, SERIAL_ELEMENTS / Math.max(1, heads * headDim)));
    this.x = null; // neither memory nor array is kept reachable beyond the call
    this.table = null;
    this.positions = null;
  }

  @Override
  public void run(int worker, int from, int to) {
    int half = table.dimension() / 2;
    for (int r = from; r < to; r++) {
      long angles = 4L * positions[first + r] * half;
      for (int h = 0; h < heads; h++) {
        long head = xOffset + r * xStride + 4L * h * headDim;
        switch (table.pairs()) {
          case HALVES -> rotate(x, head, table.cosines(), table.sines(), angles, half);
          case INTERLEAVED -> turn(x, head, table.cosines(), table.sines(), angles, half);
        }
      }
    }
  }

  /** Neighbours in pairs; scalar, as it is little beside the products around it. */
  private static void turn(
      MemorySegment x,
      long head,
      MemorySegment cosines,
      MemorySegment sines,
      long angles,
      int half) {
    for (int i = 0; i < half; i++) {
      float cos = cosines.get(Elements.F32, angles + 4L * i);
      float sin = sines.get(Elements.F32, angles + 4L * i);
      float a = x.get(Elements.F32, head + 8L * i);
      float b = x.get(Elements.F32, head + 8L * i + 4);
      x.set(Elements.F32, head + 8L * i, a * cos - b * sin);
      x.set(Elements.F32, head + 8L * i + 4, b * cos + a * sin);
    }
  }

  private static void rotate(
      MemorySegment x,
      long head,
      MemorySegment cosines,
      MemorySegment sines,
      long angles,
      int half) {
    long high = head + 4L * half;
    int i = 0;
    for (int bound = F.loopBound(half); i < bound; i += LANES) {
      var cos = Lanes.f32(cosines, angles + 4L * i);
      var sin = Lanes.f32(sines, angles + 4L * i);
      var a = Lanes.f32(x, head + 4L * i);
      var b = Lanes.f32(x, high + 4L * i);
      a.mul(cos).sub(b.mul(sin)).intoMemorySegment(x, head + 4L * i, LITTLE_ENDIAN);
      b.mul(cos).add(a.mul(sin)).intoMemorySegment(x, high + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < half; i++) {
      float cos = cosines.get(Elements.F32, angles + 4L * i);
      float sin = sines.get(Elements.F32, angles + 4L * i);
      float a = x.get(Elements.F32, head + 4L * i);
      float b = x.get(Elements.F32, high + 4L * i);
      x.set(Elements.F32, head + 4L * i, a * cos - b * sin);
      x.set(Elements.F32, high + 4L * i, b * cos + a * sin);
    }
  }
}
