package dev.stowage.runtime.kernel;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Numbers in memory: reads any {@link ElementType} as a float, and stores a float as any that is
 * not quantized.
 */
public final class Elements {
  /** Little-endian float at any byte offset. */
  public static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** Little-endian 16-bit pattern at any byte offset. */
  public static final ValueLayout.OfShort BITS16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  private Elements() {}

  /** The number of the given type at {@code offset}; widening is exact, Inf and NaN included. */
  public static float get(ElementType type, MemorySegment segment, long offset) {
    return switch (type) {
      case F32 -> segment.get(F32, offset);
      case F16 -> Float.float16ToFloat(segment.get(BITS16, offset));
      case BF16 -> bf16ToFloat(segment.get(BITS16, offset));
      case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
    };
  }

  /** Number {@code index} of the row of any type that a matrix may have in a file. */
  public static float get(ElementType type, MemorySegment segment, long row, int index) {
    return switch (type) {
      case F32, F16, BF16 -> get(type, segment, row + (long) index * type.bytes());
      case Q8_0, Q4_0, Q4_K, Q6_K -> Blocks.number(type, segment, row, index);
      case INT8, INT4 -> throw type.notSingle();
    };
  }

  /**
   * Number {@code i} of a row, of any type.
   *
   * @param row where the row begins
   * @param width numbers of the row
   */
  public static float get(ElementType type, MemorySegment segment, long row, int width, int i) {
    return switch (type) {
      case INT8, INT4 -> Quantized.get(type, segment, row, width, i);
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K -> get(type, segment, row, i);
    };
  }

  /** Stores {@code value}, rounded to the nearest number of the type, ties to even. */
  public static void set(ElementType type, MemorySegment segment, long offset, float value) {
    switch (type) {
      case F32 -> segment.set(F32, offset, value);
      case F16 -> segment.set(BITS16, offset, Float.floatToFloat16(value));
      case BF16 -> segment.set(BITS16, offset, floatToBf16(value));
      case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
    }
  }

  /** A bfloat16 is the upper half of a float. */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Rounds to nearest, ties to even; what lies beyond the largest finite number becomes infinite.
   */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40); // keeps it a NaN where only low mantissa bits were set
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
