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
 * the group, and each is off by half a step at most. With four bits a smaller step is worth more
 * than reaching the outermost numbers: {@link ElementType#INT4} takes the min and scale that a
 * {@link CodeSearch} finds, and numbers outside get the outermost code. A group that holds Inf, NaN
 * or a number beyond F16's range has no codes: it becomes NaN as a whole.
 */
public final class Quantized {
  /** Grows whenever the same numbers get other codes: what was kept of older ones is made anew. */
  public static final int VERSION = 3;

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

  /**
   * Stores a row of {@code width} F32 numbers.
   *
   * @param search for the codes of {@link ElementType#INT4}; others have but one way
   */
  public static void encode(
      ElementType type,
      CodeSearch search,
      MemorySegment x,
      long xRow,
      int width,
      MemorySegment out,
      long row) {
    for (int first = 0; first < width; first += GROUP) {
      long group = group(type, row, first);
      encodeGroup(type, search, x, xRow + 4L * first, Math.min(GROUP, width - first), out, group);
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
      ElementType type,
      CodeSearch search,
      MemorySegment x,
      long from,
      int n,
      MemorySegment out,
      long group) {
    float least = Float.POSITIVE_INFINITY;
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      float value = x.get(Elements.F32, from + 4L * i);
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    int header = header(type, least, most);
    if (type == ElementType.INT4 && (short) header != 0) {
      header = search(search, x, from, n, least, most, header);
    }
    setHeader(out, group, header);
    float low = min(out, group);
    float step = scale(out, group);
    float inverse = step > 0 ? 1 / step : 0;
    int levels = levels(type);
    long codes = group + HEADER;
    if (type == ElementType.INT8) {
      for (int i = 0; i < n; i++) {
        int code = code(x.get(Elements.F32, from + 4L * i), low, inverse, levels);
        out.set(ValueLayout.JAVA_BYTE, codes + i, (byte) code);
      }
      return;
    }
    int half = (n + 1) / 2;
    for (int i = 0; i < half; i++) {
      int code = code(x.get(Elements.F32, from + 4L * i), low, inverse, levels);
      if (half + i < n) {
        float other = x.get(Elements.F32, from + 4L * (half + i));
        code |= code(other, low, inverse, levels) << 4;
      }
      out.set(ValueLayout.JAVA_BYTE, codes + i, (byte) code);
    }
  }

  /**
   * The min and scale whose codes reach over all numbers of a group; NaN and 0 if there are none.
   *
   * @param least of its numbers, NaN if one of them is
   * @param most of its numbers, NaN if one of them is
   * @return the F16 min in the upper half, the F16 scale in the lower
   */
  public static int header(ElementType type, float least, float most) {
    if (!(-LARGEST_HALF <= least && most <= LARGEST_HALF)) {
      return HALF_NAN << 16;
    }
    short min = least == most ? Float.floatToFloat16(least) : halfBelow(least);
    float reach = most - Float.float16ToFloat(min);
    short scale = least == most ? 0 : halfAbove(reach / levels(type));
    return min << 16 | scale & 0xffff;
  }

  /** Stores what {@link #header} returned. */
  public static void setHeader(MemorySegment out, long group, int header) {
    out.set(Elements.BITS16, group, (short) header);
    out.set(Elements.BITS16, group + 2, (short) (header >> 16));
  }

  private static int levels(ElementType type) {
    return switch (type) {
      case INT8 -> 255;
      case INT4 -> 15;
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K ->
          throw new IllegalArgumentException("rows of " + type.word() + " are not made");
    };
  }

  /** The code of a number; 0 where the min is NaN. */
  private static int code(float value, float low, float inverse, int levels) {
    // adding one half and cutting rounds what is not negative
    return Math.clamp((int) ((value - low) * inverse + 0.5f), 0, levels);
  }

  /**
   * The min and scale of 4-bit codes that cost least, of those given and of those found.
   *
   * @return the F16 min in the upper half, the F16 scale in the lower
   */
  private static int search(
      CodeSearch search, MemorySegment x, long from, int n, float least, float most, int header) {
    int best = header;
    float bestCost = cost(search, x, from, n, (short) (header >> 16), (short) header);
    for (int start = 0; start < search.starts() && bestCost > 0; start++) {
      float low = search.low(start, least, most);
      float high = search.high(start, least, most);
      int fitted = fit(search.fits(), x, from, n, low, (high - low) / 15);
      float cost = cost(search, x, from, n, (short) (fitted >> 16), (short) fitted);
      if (cost < bestCost) {
        bestCost = cost;
        best = fitted;
      }
    }
    return best;
  }

  /** Fits the line through (code, number) that min and scale are to the codes they give. */
  private static int fit(
      int fits, MemorySegment x, long from, int n, float first, float firstStep) {
    float low = first;
    float step = firstStep;
    for (int i = 0; i < fits && step > 0; i++) {
      float inverse = 1 / step;
      int codes = 0;
      int squares = 0;
      float numbers = 0; // from low on, which keeps the sums small
      float products = 0;
      for (int j = 0; j < n; j++) {
        float value = x.get(Elements.F32, from + 4L * j);
        int code = code(value, low, inverse, 15);
        codes += code;
        squares += code * code;
        numbers += value - low;
        products += code * (value - low);
      }
      int spread = n * squares - codes * codes;
      if (spread == 0) {
        break;
      }
      step = (n * products - codes * numbers) / spread;
      low += (numbers - step * codes) / n;
    }
    return Float.floatToFloat16(low) << 16 | Float.floatToFloat16(step) & 0xffff;
  }

  /** What 4-bit codes cost; infinite where the scale is none. */
  private static float cost(
      CodeSearch search, MemorySegment x, long from, int n, short min, short scale) {
    float low = Float.float16ToFloat(min);
    float step = Float.float16ToFloat(scale);
    if (!(step > 0) || !Float.isFinite(step) || !Float.isFinite(low)) {
      return Float.POSITIVE_INFINITY;
    }
    float inverse = 1 / step;
    float sum = 0;
    for (int i = 0; i < n; i++) {
      float value = x.get(Elements.F32, from + 4L * i);
      float off = Math.fma(code(value, low, inverse, 15), step, low) - value;
      sum += search.cost(off);
    }
    return sum;
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
