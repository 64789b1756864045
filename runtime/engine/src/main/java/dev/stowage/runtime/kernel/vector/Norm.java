package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Layer and root-mean-square normalisation, shared out over rows. */
final class Norm implements WorkerPool.Task {
  /** Elements below which a second thread does not pay. */
  private static final int SERIAL_ELEMENTS = 1 << 14;

  private final WorkerPool pool;
  private MemorySegment x;
  private long xOffset;
  private long xStride;
  private MemorySegment weight;
  private long weightOffset;
  private MemorySegment bias; // null: root mean square
  private long biasOffset;
  private float eps;
  private MemorySegment out;
  private long outOffset;
  private long outStride;
  private int groups;
  private int width;

  Norm(WorkerPool pool) {
    this.pool = pool;
  }

  /** Layer normalisation, or root-mean-square normalisation where there is no bias. */
  void run(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      MemorySegment bias,
      long biasOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int groups,
      int width) {
    this.x = x;
    this.xOffset = xOffset;
    this.xStride = xStride;
    this.weight = weight;
    this.weightOffset = weightOffset;
    this.bias = bias;
    this.biasOffset = biasOffset;
    this.eps = eps;
    this.out = out;
    this.outOffset = outOffset;
    this.outStride = outStride;
    this.groups = groups;
    this.width = width;
    pool.run(this, rows, Math.max(1, SERIAL_ELEMENTS / Math.max(1, groups * width)));
    this.x = null; // a segment is not kept reachable beyond the call
    this.weight = null;
    this.bias = null;
    this.out = null;
  }

  @Override
  public void run(int worker, int from, int to) {
    for (int r = from; r < to; r++) {
      for (int g = 0; g < groups; g++) {
        long group = 4L * g * width;
        long xr = xOffset + r * xStride + group;
        long outR = outOffset + r * outStride + group;
        if (bias == null) {
          double inverse = 1 / Math.sqrt((double) squares(x, xr, 0, width) / width + eps);
          scale(x, xr, weight, weightOffset, (float) inverse, out, outR, width);
        } else {
          float mean = sum(x, xr, width) / width;
          double inverse = 1 / Math.sqrt((double) squares(x, xr, mean, width) / width + eps);
          shiftAndScale(
              x,
              xr,
              weight,
              weightOffset,
              bias,
              biasOffset,
              mean,
              (float) inverse,
              out,
              outR,
              width);
        }
      }
    }
  }

  private static float sum(MemorySegment x, long xr, int n) {
    var sums = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      sums = sums.add(Lanes.f32(x, xr + 4L * i));
    }
    float sum = Lanes.sum(sums);
    for (; i < n; i++) {
      sum += x.get(Elements.F32, xr + 4L * i);
    }
    return sum;
  }

  /** Sum of the squared distances from {@code centre}. */
  private static float squares(MemorySegment x, long xr, float centre, int n) {
    var sums = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      var distance = Lanes.f32(x, xr + 4L * i).sub(centre);
      sums = distance.fma(distance, sums);
    }
    float sum = Lanes.sum(sums);
    for (; i < n; i++) {
      float distance = x.get(Elements.F32, xr + 4L * i) - centre;
      sum = Math.fma(distance, distance, sum);
    }
    return sum;
  }

  private static void scale(
      MemorySegment x,
      long xr,
      MemorySegment w,
      long w0,
      float inverse,
      MemorySegment out,
      long outR,
      int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(x, xr + 4L * i)
          .mul(inverse)
          .mul(Lanes.f32(w, w0 + 4L * i))
          .intoMemorySegment(out, outR + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      float normal = x.get(Elements.F32, xr + 4L * i) * inverse;
      out.set(Elements.F32, outR + 4L * i, normal * w.get(Elements.F32, w0 + 4L * i));
    }
  }

  private static void shiftAndScale(
      MemorySegment x,
      long xr,
      MemorySegment w,
      long w0,
      MemorySegment b,
      long b0,
      float mean,
      float inverse,
      MemorySegment out,
      long outR,
      int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(x, xr + 4L * i)
          .sub(mean)
          .mul(inverse)
          .fma(Lanes.f32(w, w0 + 4L * i), Lanes.f32(b, b0 + 4L * i))
          .intoMemorySegment(out, outR + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      float normal = (x.get(Elements.F32, xr + 4L * i) - mean) * inverse;
      float weight = w.get(Elements.F32, w0 + 4L * i);
      out.set(
          Elements.F32, outR + 4L * i, Math.fma(normal, weight, b.get(Elements.F32, b0 + 4L * i)));
    }
  }
}
