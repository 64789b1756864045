package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.runtime.kernel.Elements;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
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

  /** Sign, exponent and mantissa of a half where a float has them, but for the bias. */
  private static final int HALF = 0x8fffe000;

  /** Two halves without their signs. */
  private static final int MAGNITUDES = 0x7fff7fff;

  /** Carries into the sign where an exponent is all ones. */
  private static final int CARRY = 0x04000400;

  private static final int SIGNS = 0x80008000;

  private Pairs() {}

  /**
   * One activation row times two weight rows.
   *
   * @param n whole blocks
   * @param sum [2, LANES] sums left unfolded
   * @return whether a weight was Inf or NaN, so that sums are not to be used
   */
  static boolean dotF16(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    var special = IntVector.zero(I);
    for (int i = 0; i != n; i += BLOCK) {
      var even = FloatVector.fromArray(F, x, x0 + i);
      var odd = FloatVector.fromArray(F, x, x0 + i + LANES);
      var pair = words(w, w0 + 2L * i);
      special = special.or(pair.and(MAGNITUDES).add(CARRY));
      s0 = even.fma(evenHalf(pair), s0);
      s0 = odd.fma(oddHalf(pair), s0);
      pair = words(w, w1 + 2L * i);
      special = special.or(pair.and(MAGNITUDES).add(CARRY));
      s1 = even.fma(evenHalf(pair), s1);
      s1 = odd.fma(oddHalf(pair), s1);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return (special.reduceLanes(VectorOperators.OR) & SIGNS) != 0;
  }

  /** As {@link #dotF16}, of BF16 weights. */
  static boolean dotBf16(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    for (int i = 0; i != n; i += BLOCK) {
      var even = FloatVector.fromArray(F, x, x0 + i);
      var odd = FloatVector.fromArray(F, x, x0 + i + LANES);
      var pair = words(w, w0 + 2L * i);
      s0 = even.fma(evenBf16(pair), s0);
      s0 = odd.fma(oddBf16(pair), s0);
      pair = words(w, w1 + 2L * i);
      s1 = even.fma(evenBf16(pair), s1);
      s1 = odd.fma(oddBf16(pair), s1);
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  /**
   * Lays out {@code n} F16 weights, whole blocks, as products take them.
   *
   * @return whether one was Inf or NaN
   */
  static boolean layOutF16(MemorySegment w, long row, float[] to, int at, int n) {
    var special = IntVector.zero(I);
    for (int i = 0; i != n; i += BLOCK) {
      var pair = words(w, row + 2L * i);
      special = special.or(pair.and(MAGNITUDES).add(CARRY));
      evenHalf(pair).intoArray(to, at + i);
      oddHalf(pair).intoArray(to, at + i + LANES);
    }
    return (special.reduceLanes(VectorOperators.OR) & SIGNS) != 0;
  }

  /** As {@link #layOutF16}, of BF16 weights. */
  static boolean layOutBf16(MemorySegment w, long row, float[] to, int at, int n) {
    for (int i = 0; i != n; i += BLOCK) {
      var pair = words(w, row + 2L * i);
      evenBf16(pair).intoArray(to, at + i);
      oddBf16(pair).intoArray(to, at + i + LANES);
    }
    return false;
  }

  /** Lays out a row of activations, each times {@code scale}; those beyond whole blocks stay. */
  static void layOut(MemorySegment x, long row, float scale, float[] to, int at, int k) {
    int bound = k / BLOCK * BLOCK;
    for (int i = 0; i < bound; i += BLOCK) {
      for (int j = 0; j < LANES; j++) {
        long pair = row + 4L * (i + 2 * j);
        to[at + i + j] = x.get(Elements.F32, pair) * scale;
        to[at + i + LANES + j] = x.get(Elements.F32, pair + 4) * scale;
      }
    }
    MemorySegment.copy(x, Elements.F32, row + 4L * bound, to, at + bound, k - bound);
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
