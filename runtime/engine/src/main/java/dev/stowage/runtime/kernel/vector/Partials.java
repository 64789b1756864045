package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.runtime.kernel.Elements;
import java.lang.foreign.MemorySegment;

/**
 * Merging and finishing partial attention. Runs on the calling thread: an attention's work less a
 * factor of the tokens it looked at.
 */
final class Partials {
  private Partials() {}

  static void merge(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      MemorySegment otherO,
      long otherOOffset,
      long otherOStride,
      MemorySegment otherState,
      long otherStateOffset,
      int rows,
      int heads,
      int headFrom,
      int headTo,
      int headDim) {
    for (int r = 0; r < rows; r++) {
      for (int h = headFrom; h < headTo; h++) {
        long at = stateOffset + 8L * ((long) r * heads + h);
        long otherAt = otherStateOffset + 8L * ((long) r * heads + h);
        float m1 = state.get(Elements.F32, at);
        float m2 = otherState.get(Elements.F32, otherAt);
        float l1 = state.get(Elements.F32, at + 4);
        float l2 = otherState.get(Elements.F32, otherAt + 4);
        float m = Math.max(m1, m2);
        float share1 = share(m1, m);
        float share2 = share(m2, m);
        long head = 4L * h * headDim;
        combine(
            o,
            oOffset + r * oStride + head,
            share1,
            otherO,
            otherOOffset + r * otherOStride + head,
            share2,
            headDim);
        state.set(Elements.F32, at, m);
        state.set(Elements.F32, at + 4, l1 * share1 + l2 * share2);
      }
    }
  }

  /** What a partial with maximum {@code own} counts for under the common maximum {@code m}. */
  private static float share(float own, float m) {
    return own == Float.NEGATIVE_INFINITY ? 0f : (float) Math.exp((double) own - m);
  }

  private static void combine(
      MemorySegment o,
      long at,
      float share,
      MemorySegment other,
      long otherAt,
      float otherShare,
      int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(o, at + 4L * i)
          .mul(share)
          .add(Lanes.f32(other, otherAt + 4L * i).mul(otherShare))
          .intoMemorySegment(o, at + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      float own = o.get(Elements.F32, at + 4L * i) * share;
      float added = other.get(Elements.F32, otherAt + 4L * i) * otherShare;
      o.set(Elements.F32, at + 4L * i, own + added);
    }
  }

  static void finish(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headDim) {
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < heads; h++) {
        float l = state.get(Elements.F32, stateOffset + 8L * ((long) r * heads + h) + 4);
        divide(o, oOffset + r * oStride + 4L * h * headDim, l, headDim);
      }
    }
  }

  private static void divide(MemorySegment o, long at, float l, int n) {
    float factor = l == 0 ? 0f : 1f / l;
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Lanes.f32(o, at + 4L * i).mul(factor).intoMemorySegment(o, at + 4L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      o.set(Elements.F32, at + 4L * i, o.get(Elements.F32, at + 4L * i) * factor);
    }
  }
}
