package dev.stowage.runtime.kernel.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** Vectors of F32 lanes: loading them from any element type, summing and exponentiating them. */
final class Lanes {
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  static final int LANES = F.length();

  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Short> S =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  private static final VectorShuffle<Float> ROTATE_8 = VectorShuffle.iota(F, 8 % LANES, 1, true);
  private static final VectorShuffle<Float> ROTATE_4 = VectorShuffle.iota(F, 4 % LANES, 1, true);
  private static final VectorShuffle<Float> ROTATE_2 = VectorShuffle.iota(F, 2 % LANES, 1, true);
  private static final VectorShuffle<Float> ROTATE_1 = VectorShuffle.iota(F, 1, 1, true);

  private static final float TWO_TO_112 = 0x1p112f;

  /** Bits of 2^16, where a half's all-ones exponent ends up. */
  private static final int FIRST_SPECIAL = 0x47800000;

  private Lanes() {}

  static FloatVector f32(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(F, segment, offset, LITTLE_ENDIAN);
  }

  /**
   * Exponent and mantissa of a half, moved to their places in a float, make a number that is 2^112
   * too small, subnormals included; the sign extension brings the sign along. An all-ones exponent
   * (Inf, NaN) is put back by hand.
   */
  static FloatVector f16(MemorySegment segment, long offset) {
    IntVector bits = shorts(segment, offset);
    IntVector scaled =
        bits.lanewise(VectorOperators.LSHL, 13)
            .and(0x8fffe000)
            .reinterpretAsFloats()
            .mul(TWO_TO_112)
            .reinterpretAsInts();
    IntVector special = scaled.and(0x7fffffff).add(0x80000000 - FIRST_SPECIAL);
    return special
        .lanewise(VectorOperators.ASHR, 31) // all ones where the sum reached the sign bit
        .and(0x7f800000)
        .or(scaled)
        .reinterpretAsFloats();
  }

  static FloatVector bf16(MemorySegment segment, long offset) {
    return shorts(segment, offset).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  private static IntVector shorts(MemorySegment segment, long offset) {
    return (IntVector)
        ShortVector.fromMemorySegment(S, segment, offset, LITTLE_ENDIAN)
            .convertShape(VectorOperators.S2I, I, 0);
  }

  /** Where number {@code i} lies, if from {@code at} on one vector in {@code step} is its row's. */
  static int place(int at, int i, int step) {
    int lane = i % LANES;
    return at + (i - lane) * step + lane;
  }

  /** Sum of the lanes, by halves: always in this order. */
  static float sum(FloatVector v) {
    FloatVector folded = v;
    if (LANES > 8) {
      folded = folded.add(folded.rearrange(ROTATE_8));
    }
    if (LANES > 4) {
      folded = folded.add(folded.rearrange(ROTATE_4));
    }
    if (LANES > 2) {
      folded = folded.add(folded.rearrange(ROTATE_2));
    }
    return folded.add(folded.rearrange(ROTATE_1)).lane(0);
  }

  /**
   * The same of a vector in an array; eight or sixteen lanes without a vector. C2 inlines a call
   * that is given one in most runs, but not in all, and the vector then is an object.
   */
  static float sum(float[] from, int at) {
    return switch (LANES) {
      case 8 -> half(from, at) + half(from, at + 1);
      case 16 -> quarters(from, at) + quarters(from, at + 1);
      default -> sum(FloatVector.fromArray(F, from, at));
    };
  }

  /** Of every second of eight. */
  private static float half(float[] from, int at) {
    return (from[at] + from[at + 4]) + (from[at + 2] + from[at + 6]);
  }

  /** Of every second of sixteen. */
  private static float quarters(float[] from, int at) {
    float even = (from[at] + from[at + 8]) + (from[at + 4] + from[at + 12]);
    float odd = (from[at + 2] + from[at + 10]) + (from[at + 6] + from[at + 14]);
    return even + odd;
  }

  /** Widens {@code n} elements, a whole row of a quantized type, into {@code to[at ..]}. */
  static void widen(ElementType type, MemorySegment from, long offset, float[] to, int at, int n) {
    switch (type) {
      case F32 -> copy(from, offset, to, at, n);
      case F16 -> widenF16(from, offset, to, at, n);
      case BF16 -> widenBf16(from, offset, to, at, n);
      case Q8_0, Q4_0, Q4_K, Q6_K -> Dequantize.blocks(type, from, offset, to, at, 1, n);
      case INT8 -> Dequantize.int8(from, offset, n, 0, to, at, 1, n);
      case INT4 -> Dequantize.int4(from, offset, n, 0, to, at, 1, n);
    }
  }

  /** A few vectors: for those a bulk copy takes longer to begin than to end. */
  private static void copy(MemorySegment from, long offset, float[] to, int at, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      f32(from, offset + 4L * i).intoArray(to, at + i);
    }
    for (; i < n; i++) {
      to[at + i] = from.get(Elements.F32, offset + 4L * i);
    }
  }

  /** C2 makes the machine's own conversion of this loop, faster by far than {@link #f16}. */
  private static void widenF16(MemorySegment from, long offset, float[] to, int at, int n) {
    for (int i = 0; i < n; i++) {
      to[at + i] = Float.float16ToFloat(from.get(Elements.BITS16, offset + 2L * i));
    }
  }

  private static void widenBf16(MemorySegment from, long offset, float[] to, int at, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      bf16(from, offset + 2L * i).intoArray(to, at + i);
    }
    for (; i < n; i++) {
      to[at + i] = Elements.get(ElementType.BF16, from, offset + 2L * i);
    }
  }
}
