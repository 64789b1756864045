package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rows of group-wise quantized numbers, as {@link ElementType#INT8} and {@link ElementType#INT4}
 * define them: groups of {@value ElementType#GROUP} numbers, each an F16 scale, an F16 min, and the
 * codes; {@code number = fma(code, scale, min)} in F32.
 *
 * <p>Encoding rounds the min down and the scale up to F16, so that codes reach over all numbers of
 * the group, and each is off by half a step at most. A group that holds Inf, NaN or a number beyond
 * F16's range has no such codes: it becomes NaN as a whole.
 */
public final class Quantized {
  private static final int GROUP = ElementType.GROUP;
  private static final int HEADER = 4;
  private static final float LARGEST_HALF = 65504;
  private static final short HALF_NAN = 0x7e00;

  private Quantized() {}

  /**
   * Number {@code i} of a row.
   *
   * @param row where the row begins
   * @param width numbers of the row
   */
  public static float get(ElementType type, MemorySegment segment, long row, int width, int i) {
    int first = i / GROUP * GROUP;
    long group = group(type, row, first);
    int code = code(type, segment, group + HEADER, Math.min(GROUP, width - first), i - first);
    return Math.fma(code, scale(segment, group), min(segment, group));
  }

  /** Stores a row of {@code width} F32 numbers. */
  public static void encode(
      ElementType type, MemorySegment x, long xRow, int width, MemorySegment out, long row) {
    for (int first = 0; first < width; first += GROUP) {
      long group = group(type, row, first);
      encodeGroup(type, x, xRow + 4L * first, Math.min(GROUP, width - first), out, group);
    }
  }

  /** Reads a row of {@code width} numbers as F32. */
  public static void decode(
      ElementType type, MemorySegment x, long row, int width, MemorySegment out, long outRow) {
    for (int first = 0; first < width; first += GROUP) {
      long group = group(type, row, first);
      int n = Math.min(GROUP, width - first);
      float scale = scale(x, group);
      float min = min(x, group);
      for (int i = 0; i < n; i++) {
        float value = Math.fma(code(type, x, group + HEADER, n, i), scale, min);
        out.set(Elements.F32, outRow + 4L * (first + i), value);
      }
    }
  }

  /** Reads a row of {@code width} numbers into an array. */
  public static void decode(
      ElementType type, MemorySegment x, long row, int width, float[] into, int at) {
    for (int first = 0; first < width; first += GROUP) {
      long group = group(type, row, first);
      int n = Math.min(GROUP, width - first);
      float scale = scale(x, group);
      float min = min(x, group);
      for (int i = 0; i < n; i++) {
        into[at + first + i] = Math.fma(code(type, x, group + HEADER, n, i), scale, min);
      }
    }
  }

  /** Whether all numbers of a row could be stored. */
  public static boolean finite(ElementType type, MemorySegment x, long row, int width) {
    for (int first = 0; first < width; first += GROUP) {
      long group = group(type, row, first);
      if (!Float.isFinite(scale(x, group)) || !Float.isFinite(min(x, group))) {
        return false;
      }
    }
    return true;
  }

  /** Where the group lies that begins with number {@code first} of a row. */
  public static long group(ElementType type, long row, int first) {
    return row + type.rowBytes(first);
  }

  /** The step of a group's codes. */
  public static float scale(MemorySegment segment, long group) {
    return Float.float16ToFloat(segment.get(Elements.BITS16, group));
  }

  /** What a group's code 0 stands for. */
  public static float min(MemorySegment segment, long group) {
    return Float.float16ToFloat(segment.get(Elements.BITS16, group + 2));
  }

  private static int code(ElementType type, MemorySegment segment, long codes, int n, int i) {
    if (type == ElementType.INT8) {
      return segment.get(ValueLayout.JAVA_BYTE, codes + i) & 0xff;
    }
    int half = (n + 1) / 2;
    return i < half
        ? segment.get(ValueLayout.JAVA_BYTE, codes + i) & 0xf
        : segment.get(ValueLayout.JAVA_BYTE, codes + i - half) >>> 4 & 0xf;
  }

  private static void encodeGroup(
      ElementType type, MemorySegment x, long from, int n, MemorySegment out, long group) {
    float least = Float.POSITIVE_INFINITY;
    float most = Float.NEGATIVE_INFINITY;
    float difference = 0; // NaN as soon as one number is not finite
    for (int i = 0; i < n; i++) {
      float value = x.get(Elements.F32, from + 4L * i);
      least = Math.min(least, value);
      most = Math.max(most, value);
      difference += value - value;
    }
    int levels =
        switch (type) {
          case INT8 -> 255;
          case INT4 -> 15;
          case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K ->
              throw new IllegalArgumentException("rows of " + type.word() + " are not made");
        };
    boolean storable = difference == 0 && -LARGEST_HALF <= least && most <= LARGEST_HALF;
    short min = least == most ? Float.floatToFloat16(least) : halfBelow(least);
    float low = Float.float16ToFloat(min);
    short scale = least == most ? 0 : halfAbove((most - low) / levels);
    out.set(Elements.BITS16, group, storable ? scale : 0);
    out.set(Elements.BITS16, group + 2, storable ? min : HALF_NAN);
    float step = Float.float16ToFloat(scale);
    float inverse = storable && step > 0 ? 1 / step : 0;
    long codes = group + HEADER;
    if (type == ElementType.INT8) {
      for (int i = 0; i < n; i++) {
        int code = code(x.get(Elements.F32, from + 4L * i), low, inverse, levels, storable);
        out.set(ValueLayout.JAVA_BYTE, codes + i, (byte) code);
      }
      return;
    }
    int half = (n + 1) / 2;
    for (int i = 0; i < half; i++) {
      int code = code(x.get(Elements.F32, from + 4L * i), low, inverse, levels, storable);
      if (half + i < n) {
        float other = x.get(Elements.F32, from + 4L * (half + i));
        code |= code(other, low, inverse, levels, storable) << 4;
      }
      out.set(ValueLayout.JAVA_BYTE, codes + i, (byte) code);
    }
  }

  private static int code(float value, float low, float inverse, int levels, boolean storable) {
    // adding one half and cutting rounds, as what is rounded is never negative
    return storable ? Math.min(levels, (int) ((value - low) * inverse + 0.5f)) : 0;
  }

  /** The largest F16 number that is not above. */
  private static short halfBelow(float value) {
    short half = Float.floatToFloat16(value);
    if (!(Float.float16ToFloat(half) > value)) {
      return half;
    }
    // one further from zero for a negative number, one nearer for a positive one
    return (short) ((half & 0x8000) != 0 ? half + 1 : half == 0 ? 0x8001 : half - 1);
  }

  /** The least F16 number that is not below a positive one. */
  private static short halfAbove(float value) {
    short half = Float.floatToFloat16(value);
    return Float.float16ToFloat(half) < value ? (short) (half + 1) : half;
  }
}
