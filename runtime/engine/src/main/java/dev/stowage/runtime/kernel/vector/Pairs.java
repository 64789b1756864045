package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of 16-bit numbers as 32-bit words of two, which shifts and masks take apart without
 * conversions: of every {@link #BLOCK} numbers of a row the ones at even places come first, then
 * the ones at odd places. Activations are laid out alike.
 *
 * <p>An F16 weight is taken as the float whose exponent and mantissa are the half's, moved to their
 * places: 2^112 too small, subnormals included. Activations are made larger in return, by 2^80 so
 * that those below 2^47 stay finite, and sums by 2^32. Only Inf and NaN come out wrong: whether
 * there was one is told, at two instructions a word, and such an output is computed anew.
 */
final class Pairs {
  /** Numbers of two vectors. */
  static final int BLOCK = 2 * LANES;

  /** What activations are multiplied by, for F16 weights. */
  static final float ACTIVATION_SCALE = 0x1p80f;

  /** What sums of products are multiplied by, for F16 weights. */
  static final float SUM_SCALE = 0x1p32f;

  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, F.vectorShape());

  /** Sign, exponent and mantissa of a half where a float has them, but for the bias. */
  static final int HALF = 0x8fffe000;

  /** Two halves without their signs. */
  private static final int MAGNITUDES = 0x7fff7fff;

  /** Carries into the sign where an exponent is all ones. */
  private static final int CARRY = 0x04000400;

  private static final short CARRY_OUT = 0x0400;

  private static final int SIGNS = 0x80008000;

  private static final VectorShuffle<Float> EVEN = VectorShuffle.iota(F, 0, 2, true);
  private static final VectorShuffle<Float> ODD = VectorShuffle.iota(F, 1, 2, true);

  /** Lanes of the second half. */
  private static final VectorMask<Float> UPPER = VectorMask.fromLong(F, -1L << LANES / 2);

  private Pairs() {}

  /**
   * One activation row times four weight rows.
   *
   * @param n whole blocks
   * @param sum [4, LANES] sums left unfolded
   * @return whether a weight was Inf or NaN, so that sums are not to be used
   */
  static boolean dotF16(
      float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    var s2 = FloatVector.zero(F);
    var s3 = FloatVector.zero(F);
    var half = IntVector.broadcast(I, HALF);
    var positive = ShortVector.zero(S);
    var negative = ShortVector.zero(S);
    for (int i = 0; i != n; i += BLOCK) {
      int xi = x0 + i & Tiles.NO_OVERFLOW;
      var even = FloatVector.fromArray(F, x, xi);
      var odd = FloatVector.fromArray(F, x, xi + LANES);
      var pair = words(w, w0 + 2L * i);
      var halves = pair.reinterpretAsShorts();
      positive = positive.lanewise(VectorOperators.MAX, halves);
      negative = negative.lanewise(VectorOperators.UMAX, halves);
      var v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s0 = even.fma(v, s0);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s0 = odd.fma(v, s0);
      pair = words(w, w1 + 2L * i);
      halves = pair.reinterpretAsShorts();
      positive = positive.lanewise(VectorOperators.MAX, halves);
      negative = negative.lanewise(VectorOperators.UMAX, halves);
      v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s1 = even.fma(v, s1);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s1 = odd.fma(v, s1);
      pair = words(w, w2 + 2L * i);
      halves = pair.reinterpretAsShorts();
      positive = positive.lanewise(VectorOperators.MAX, halves);
      negative = negative.lanewise(VectorOperators.UMAX, halves);
      v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s2 = even.fma(v, s2);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s2 = odd.fma(v, s2);
      pair = words(w, w3 + 2L * i);
      halves = pair.reinterpretAsShorts();
      positive = positive.lanewise(VectorOperators.MAX, halves);
      negative = negative.lanewise(VectorOperators.UMAX, halves);
      v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s3 = even.fma(v, s3);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s3 = odd.fma(v, s3);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    s2.intoArray(sum, 2 * LANES);
    s3.intoArray(sum, 3 * LANES);
    // an exponent of all ones carries out of a half's magnitude: into its sign, or past it
    var carried = positive.add(CARRY_OUT).or(negative.and(negative.add(CARRY_OUT).not()));
    return (carried.reinterpretAsInts().reduceLanes(VectorOperators.OR) & SIGNS) != 0;
  }

  /** As {@link #dotF16}, of BF16 weights. */
  static boolean dotBf16(
      float[] x, int x0, MemorySegment w, long w0, long w1, long w2, long w3, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    var s2 = FloatVector.zero(F);
    var s3 = FloatVector.zero(F);
    var upper = IntVector.broadcast(I, 0xffff0000);
    for (int i = 0; i != n; i += BLOCK) {
      int xi = x0 + i & Tiles.NO_OVERFLOW;
      var even = FloatVector.fromArray(F, x, xi);
      var odd = FloatVector.fromArray(F, x, xi + LANES);
      var pair = words(w, w0 + 2L * i);
      s0 = even.fma(pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s0);
      s0 = odd.fma(pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats(), s0);
      pair = words(w, w1 + 2L * i);
      s1 = even.fma(pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s1);
      s1 = odd.fma(pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats(), s1);
      pair = words(w, w2 + 2L * i);
      s2 = even.fma(pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s2);
      s2 = odd.fma(pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats(), s2);
      pair = words(w, w3 + 2L * i);
      s3 = even.fma(pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s3);
      s3 = odd.fma(pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats(), s3);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    s2.intoArray(sum, 2 * LANES);
    s3.intoArray(sum, 3 * LANES);
    return false;
  }

  /**
   * Four interleaved activation rows times two weight rows: see {@link Matmul.Quad}. Written out,
   * with operands that are vectors already, to stay below C2's limit of what it inlines.
   */
  static void quadF16(
      float[] x,
      float[] again,
      int x0,
      MemorySegment w,
      long w0,
      long w1,
      int n,
      float[] sum,
      int sum0) {
    var s00 = FloatVector.fromArray(F, sum, sum0);
    var s01 = FloatVector.fromArray(F, sum, sum0 + LANES);
    var s10 = FloatVector.fromArray(F, sum, sum0 + 2 * LANES);
    var s11 = FloatVector.fromArray(F, sum, sum0 + 3 * LANES);
    var s20 = FloatVector.fromArray(F, sum, sum0 + 4 * LANES);
    var s21 = FloatVector.fromArray(F, sum, sum0 + 5 * LANES);
    var s30 = FloatVector.fromArray(F, sum, sum0 + 6 * LANES);
    var s31 = FloatVector.fromArray(F, sum, sum0 + 7 * LANES);
    var half = IntVector.broadcast(I, HALF);
    for (int i = 0; i != 4 * n; i += 4 * BLOCK) {
      int at = x0 + i & Tiles.NO_OVERFLOW;
      var pair = words(w, w0 + (i >> 1));
      var v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s00 = v.fma(FloatVector.fromArray(F, x, at), s00);
      s10 = v.fma(FloatVector.fromArray(F, x, at + LANES), s10);
      s20 = v.fma(FloatVector.fromArray(F, x, at + 2 * LANES), s20);
      s30 = v.fma(FloatVector.fromArray(F, x, at + 3 * LANES), s30);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s00 = v.fma(FloatVector.fromArray(F, x, at + 4 * LANES), s00);
      s10 = v.fma(FloatVector.fromArray(F, x, at + 5 * LANES), s10);
      s20 = v.fma(FloatVector.fromArray(F, x, at + 6 * LANES), s20);
      s30 = v.fma(FloatVector.fromArray(F, x, at + 7 * LANES), s30);
      pair = words(w, w1 + (i >> 1));
      v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s01 = v.fma(FloatVector.fromArray(F, again, at), s01);
      s11 = v.fma(FloatVector.fromArray(F, again, at + LANES), s11);
      s21 = v.fma(FloatVector.fromArray(F, again, at + 2 * LANES), s21);
      s31 = v.fma(FloatVector.fromArray(F, again, at + 3 * LANES), s31);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s01 = v.fma(FloatVector.fromArray(F, again, at + 4 * LANES), s01);
      s11 = v.fma(FloatVector.fromArray(F, again, at + 5 * LANES), s11);
      s21 = v.fma(FloatVector.fromArray(F, again, at + 6 * LANES), s21);
      s31 = v.fma(FloatVector.fromArray(F, again, at + 7 * LANES), s31);
    }
    s00.intoArray(sum, sum0);
    s01.intoArray(sum, sum0 + LANES);
    s10.intoArray(sum, sum0 + 2 * LANES);
    s11.intoArray(sum, sum0 + 3 * LANES);
    s20.intoArray(sum, sum0 + 4 * LANES);
    s21.intoArray(sum, sum0 + 5 * LANES);
    s30.intoArray(sum, sum0 + 6 * LANES);
    s31.intoArray(sum, sum0 + 7 * LANES);
  }

  /** As {@link #quadF16}, of BF16 weights. */
  static void quadBf16(
      float[] x,
      float[] again,
      int x0,
      MemorySegment w,
      long w0,
      long w1,
      int n,
      float[] sum,
      int sum0) {
    var s00 = FloatVector.fromArray(F, sum, sum0);
    var s01 = FloatVector.fromArray(F, sum, sum0 + LANES);
    var s10 = FloatVector.fromArray(F, sum, sum0 + 2 * LANES);
    var s11 = FloatVector.fromArray(F, sum, sum0 + 3 * LANES);
    var s20 = FloatVector.fromArray(F, sum, sum0 + 4 * LANES);
    var s21 = FloatVector.fromArray(F, sum, sum0 + 5 * LANES);
    var s30 = FloatVector.fromArray(F, sum, sum0 + 6 * LANES);
    var s31 = FloatVector.fromArray(F, sum, sum0 + 7 * LANES);
    var upper = IntVector.broadcast(I, 0xffff0000);
    for (int i = 0; i != 4 * n; i += 4 * BLOCK) {
      int at = x0 + i & Tiles.NO_OVERFLOW;
      var pair = words(w, w0 + (i >> 1));
      var v = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      s00 = v.fma(FloatVector.fromArray(F, x, at), s00);
      s10 = v.fma(FloatVector.fromArray(F, x, at + LANES), s10);
      s20 = v.fma(FloatVector.fromArray(F, x, at + 2 * LANES), s20);
      s30 = v.fma(FloatVector.fromArray(F, x, at + 3 * LANES), s30);
      v = pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats();
      s00 = v.fma(FloatVector.fromArray(F, x, at + 4 * LANES), s00);
      s10 = v.fma(FloatVector.fromArray(F, x, at + 5 * LANES), s10);
      s20 = v.fma(FloatVector.fromArray(F, x, at + 6 * LANES), s20);
      s30 = v.fma(FloatVector.fromArray(F, x, at + 7 * LANES), s30);
      pair = words(w, w1 + (i >> 1));
      v = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      s01 = v.fma(FloatVector.fromArray(F, again, at), s01);
      s11 = v.fma(FloatVector.fromArray(F, again, at + LANES), s11);
      s21 = v.fma(FloatVector.fromArray(F, again, at + 2 * LANES), s21);
      s31 = v.fma(FloatVector.fromArray(F, again, at + 3 * LANES), s31);
      v = pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats();
      s01 = v.fma(FloatVector.fromArray(F, again, at + 4 * LANES), s01);
      s11 = v.fma(FloatVector.fromArray(F, again, at + 5 * LANES), s11);
      s21 = v.fma(FloatVector.fromArray(F, again, at + 6 * LANES), s21);
      s31 = v.fma(FloatVector.fromArray(F, again, at + 7 * LANES), s31);
    }
    s00.intoArray(sum, sum0);
    s01.intoArray(sum, sum0 + LANES);
    s10.intoArray(sum, sum0 + 2 * LANES);
    s11.intoArray(sum, sum0 + 3 * LANES);
    s20.intoArray(sum, sum0 + 4 * LANES);
    s21.intoArray(sum, sum0 + 5 * LANES);
    s30.intoArray(sum, sum0 + 6 * LANES);
    s31.intoArray(sum, sum0 + 7 * LANES);
  }

  /** Whether one of {@code n} F16 weights, whole blocks, is Inf or NaN. */
  static boolean special(MemorySegment w, long row, int n) {
    var special = IntVector.zero(I);
    for (int i = 0; i != n; i += BLOCK) {
      special = special.or(words(w, row + 2L * i).and(MAGNITUDES).add(CARRY));
    }
    return (special.reduceLanes(VectorOperators.OR) & SIGNS) != 0;
  }

  /**
   * Lays out {@code n} F16 weights, whole blocks, as products take them.
   *
   * @param step vectors from one to the next
   * @return whether one was Inf or NaN
   */
  static boolean layOutF16(MemorySegment w, long row, float[] to, int at, int step, int n) {
    var special = IntVector.zero(I);
    for (int i = 0; i != n; i += BLOCK) {
      var pair = words(w, row + 2L * i);
      special = special.or(pair.and(MAGNITUDES).add(CARRY));
      evenHalf(pair).intoArray(to, at + i * step);
      oddHalf(pair).intoArray(to, at + (i + LANES) * step);
    }
    return (special.reduceLanes(VectorOperators.OR) & SIGNS) != 0;
  }

  /** As {@link #layOutF16}, of BF16 weights. */
  static boolean layOutBf16(MemorySegment w, long row, float[] to, int at, int step, int n) {
    for (int i = 0; i != n; i += BLOCK) {
      var pair = words(w, row + 2L * i);
      evenBf16(pair).intoArray(to, at + i * step);
      oddBf16(pair).intoArray(to, at + (i + LANES) * step);
    }
    return false;
  }

  /**
   * Lays out {@code n} activations, whole blocks, each times {@code factor}.
   *
   * @param step vectors from one to the next
   */
  static void layOut(MemorySegment x, long at, float factor, float[] to, int to0, int step, int n) {
    for (int i = 0; i < n; i += BLOCK) {
      var low = Lanes.f32(x, at + 4L * i).mul(factor);
      var high = Lanes.f32(x, at + 4L * (i + LANES)).mul(factor);
      low.rearrange(EVEN).blend(high.rearrange(EVEN), UPPER).intoArray(to, to0 + i * step);
      low.rearrange(ODD).blend(high.rearrange(ODD), UPPER).intoArray(to, to0 + (i + LANES) * step);
    }
  }

  private static IntVector words(MemorySegment w, long at) {
    return IntVector.fromMemorySegment(I, w, at, LITTLE_ENDIAN);
  }

  /** The sign extension brings the sign along. */
  private static FloatVector evenHalf(IntVector pair) {
    return oddHalf(pair.lanewise(VectorOperators.LSHL, 16));
  }

  private static FloatVector oddHalf(IntVector pair) {
    return pair.lanewise(VectorOperators.ASHR, 3).and(HALF).reinterpretAsFloats();
  }

  private static FloatVector evenBf16(IntVector pair) {
    return pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  private static FloatVector oddBf16(IntVector pair) {
    return pair.and(0xffff0000).reinterpretAsFloats();
  }
}
