package dev.stowage.bench;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** What a machine can do at most: reading memory, multiplying and adding. */
final class Limits {
  private static final VectorSpecies<Long> L = LongVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final int READ_GRAIN = 1 << 20;
  private static final int STEPS = 1 << 22;

  private final WorkerPool pool;
  private final long[] sums;
  private final float[][] products;

  Limits(WorkerPool pool) {
    this.pool = pool;
    sums = new long[pool.threads()];
    products = new float[pool.threads()][F.length()];
  }

  /** Reads the first {@code bytes} bytes of the segment; whole MiB only. */
  void read(MemorySegment segment, long bytes) {
    pool.run(
        (worker, from, to) -> {
          for (int i = from; i < to; i++) {
            sums[worker] += sum(segment, (long) i * READ_GRAIN);
          }
        },
        Math.toIntExact(bytes / READ_GRAIN),
        1);
  }

  private static long sum(MemorySegment segment, long at) {
    var a = LongVector.zero(L);
    var b = LongVector.zero(L);
    var c = LongVector.zero(L);
    var d = LongVector.zero(L);
    int step = L.vectorByteSize();
    for (int i = 0; i < READ_GRAIN; i += 4 * step) {
      a = a.add(LongVector.fromMemorySegment(L, segment, at + i, LITTLE_ENDIAN));
      b = b.add(LongVector.fromMemorySegment(L, segment, at + i + step, LITTLE_ENDIAN));
      c = c.add(LongVector.fromMemorySegment(L, segment, at + i + 2 * step, LITTLE_ENDIAN));
      d = d.add(LongVector.fromMemorySegment(L, segment, at + i + 3 * step, LITTLE_ENDIAN));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  /** Floating-point operations of {@link #multiply}. */
  double multiplyWork() {
    return 2.0 * 10 * F.length() * STEPS * pool.threads();
  }

  /** Fused multiply-adds in ten chains a thread, out of registers. */
  void multiply() {
    pool.run(
        (worker, from, to) -> {
          for (int i = from; i < to; i++) {
            multiply(products[worker]);
          }
        },
        pool.threads(),
        1);
  }

  private static void multiply(float[] kept) {
    var x = FloatVector.broadcast(F, 0.999f);
    var y = FloatVector.broadcast(F, 1e-6f);
    var a = FloatVector.fromArray(F, kept, 0);
    var b = a.add(1f);
    var c = a.add(2f);
    var d = a.add(3f);
    var e = a.add(4f);
    var f = a.add(5f);
    var g = a.add(6f);
    var h = a.add(7f);
    var i = a.add(8f);
    var j = a.add(9f);
    for (int step = 0; step < STEPS; step++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      i = i.fma(x, y);
      j = j.fma(x, y);
    }
    a.add(b).add(c).add(d).add(e).add(f.add(g).add(h).add(i).add(j)).intoArray(kept, 0);
  }
}
