package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Blocks;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.Quantized;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of 4-bit codes as 32-bit words of eight, which shifts and masks take apart: of every {@value
 * #NUMBERS} numbers of a row, a group of {@link ElementType#INT4} or two blocks of {@link
 * ElementType#Q4_0}, first come those with the first code of each of the eight words, then those
 * with the second, and so on. Activations are laid out alike. Vectors hold eight lanes, or another
 * order is used.
 */
final class Nibbles {
  /** Numbers of eight words. */
  static final int NUMBERS = 64;

  /** Bytes of those, with their scales. */
  static final int BYTES = 36;

  /** Whether vectors hold eight words. */
  static final boolean FIT = LANES == 8;

  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorMask<Float> UPPER = VectorMask.fromLong(F, 0xf0);
  private static final VectorMask<Integer> UPPER_WORDS = VectorMask.fromLong(I, 0xf0);

  /** Where the number lies, among those of its 64, that comes at a place; for either type. */
  private static final int[] INT4_ORDER = order(32);

  private static final int[] Q40_ORDER = order(16);

  private Nibbles() {}

  /**
   * @param bytes of codes, the low halves of which come before the high halves
   */
  private static int[] order(int bytes) {
    int[] order = new int[NUMBERS];
    for (int place = 0; place < NUMBERS; place++) {
      int code = place / 8;
      int at = place % 8 * 4 + code / 2; // the byte
      order[place] = at / bytes * 2 * bytes + code % 2 * bytes + at % bytes;
    }
    return order;
  }

  /**
   * Lays out {@code n} activations, whole 64s.
   *
   * @param step vectors from one to the next
   */
  static void layOut(
      ElementType type, MemorySegment x, long from, float[] to, int at, int step, int n) {
    int[] order = type == ElementType.INT4 ? INT4_ORDER : Q40_ORDER;
    for (int i = 0; i < n; i += NUMBERS) {
      for (int place = 0; place < NUMBERS; place++) {
        float number = x.get(Elements.F32, from + 4L * (i + order[place]));
        to[at + (i + place / 8 * 8) * step + place % 8] = number;
      }
    }
  }

  /**
   * One activation row times two rows of {@link ElementType#INT4}.
   *
   * @param n whole groups
   * @param sum [2, LANES] sums left unfolded
   * @return false: there is no number that it cannot multiply
   */
  static boolean dotInt4(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    int i = x0;
    long at = 0;
    for (int left = n; left != 0; left -= NUMBERS, at += BYTES) {
      var scale0 = FloatVector.broadcast(F, Quantized.scale(w, w0 + at));
      var min0 = FloatVector.broadcast(F, Quantized.min(w, w0 + at));
      var words0 = int4(w, w0 + at);
      var scale1 = FloatVector.broadcast(F, Quantized.scale(w, w1 + at));
      var min1 = FloatVector.broadcast(F, Quantized.min(w, w1 + at));
      var words1 = int4(w, w1 + at);
      for (int end = i + NUMBERS; i != end; i += LANES) {
        var xi = FloatVector.fromArray(F, x, i & Tiles.NO_OVERFLOW);
        s0 = xi.fma(low(words0).fma(scale0, min0), s0);
        words0 = words0.lanewise(VectorOperators.LSHR, 4);
        s1 = xi.fma(low(words1).fma(scale1, min1), s1);
        words1 = words1.lanewise(VectorOperators.LSHR, 4);
      }
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  /** As {@link #dotInt4}, of pairs of blocks of {@link ElementType#Q4_0}. */
  static boolean dotQ40(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    int i = x0;
    long at = 0;
    for (int left = n; left != 0; left -= NUMBERS, at += BYTES) {
      var scale0 = q40Scale(w, w0 + at);
      var min0 = scale0.mul(-8f);
      var words0 = q40(w, w0 + at);
      var scale1 = q40Scale(w, w1 + at);
      var min1 = scale1.mul(-8f);
      var words1 = q40(w, w1 + at);
      for (int end = i + NUMBERS; i != end; i += LANES) {
        var xi = FloatVector.fromArray(F, x, i & Tiles.NO_OVERFLOW);
        s0 = xi.fma(low(words0).fma(scale0, min0), s0);
        words0 = words0.lanewise(VectorOperators.LSHR, 4);
        s1 = xi.fma(low(words1).fma(scale1, min1), s1);
        words1 = words1.lanewise(VectorOperators.LSHR, 4);
      }
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  /**
   * Lays out {@code n} weights, whole groups of {@link ElementType#INT4}, as products take them.
   *
   * @param step vectors from one to the next
   */
  static void layOutInt4(MemorySegment w, long row, float[] to, int at, int step, int n) {
    long group = row;
    for (int i = 0; i < n; i += NUMBERS, group += BYTES) {
      var scale = FloatVector.broadcast(F, Quantized.scale(w, group));
      var min = FloatVector.broadcast(F, Quantized.min(w, group));
      var words = int4(w, group);
      for (int j = 0; j < NUMBERS; j += LANES) {
        low(words).fma(scale, min).intoArray(to, at + (i + j) * step);
        words = words.lanewise(VectorOperators.LSHR, 4);
      }
    }
  }

  /** As {@link #layOutInt4}, of pairs of blocks of {@link ElementType#Q4_0}. */
  static void layOutQ40(MemorySegment w, long row, float[] to, int at, int step, int n) {
    long blocks = row;
    for (int i = 0; i < n; i += NUMBERS, blocks += BYTES) {
      var scale = q40Scale(w, blocks);
      var min = scale.mul(-8f);
      var words = q40(w, blocks);
      for (int j = 0; j < NUMBERS; j += LANES) {
        low(words).fma(scale, min).intoArray(to, at + (i + j) * step);
        words = words.lanewise(VectorOperators.LSHR, 4);
      }
    }
  }

  /** The codes of a group. */
  static IntVector int4(MemorySegment w, long group) {
    return IntVector.fromMemorySegment(I, w, group + 4, LITTLE_ENDIAN);
  }

  /** The codes of two blocks, each of which has its scale before them. */
  static IntVector q40(MemorySegment w, long blocks) {
    var lower = IntVector.fromMemorySegment(I, w, blocks + 2, LITTLE_ENDIAN);
    var upper = IntVector.fromMemorySegment(I, w, blocks + 4, LITTLE_ENDIAN);
    return lower.blend(upper, UPPER_WORDS);
  }

  /** The scales of two blocks, each beside its codes. */
  static FloatVector q40Scale(MemorySegment w, long blocks) {
    var lower = FloatVector.broadcast(F, Blocks.half(w, blocks));
    return lower.blend(FloatVector.broadcast(F, Blocks.half(w, blocks + BYTES / 2)), UPPER);
  }

  /** The first code of each word as a float. */
  static FloatVector low(IntVector words) {
    return (FloatVector) words.and(15).convertShape(VectorOperators.I2F, F, 0);
  }
}
