package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Blocks;
import dev.stowage.runtime.kernel.Quantized;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost products of several rows: eight activation rows, interleaved vector by vector in
 * the heap, times a part of one weight row where it lies. Each vector of weights is widened in
 * registers once for eight multiply-adds, whose other operand is an activation in the first-level
 * cache: widening costs less than a detour of the weights through memory would.
 *
 * <p>Loops end at {@code i != n}, where n is a multiple of the step: C2 takes such a loop as it is.
 * One that ends at {@code i < n} it unrolls, loads everything first and spills. Indices are masked
 * to less than 2^30, so that C2 sees that a constant added to one does not overflow, and makes it
 * part of the address.
 */
final class Octets {
  /** Activation rows. */
  static final int ROWS = 8;

  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final int GROUP = ElementType.GROUP;
  private static final long INT8_GROUP = ElementType.INT8.rowBytes(GROUP);
  private static final long Q80_BLOCK = ElementType.Q8_0.rowBytes(32);

  private Octets() {}

  /**
   * Adds to {@code [ROWS, LANES]} sums left unfolded.
   *
   * @param x0 of the activations, {@code [n / LANES, ROWS, LANES]}
   * @param w0 of the weights
   * @param n numbers of each row
   */
  static void f32(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    for (int i = 0; i != ROWS * n; i += ROWS * LANES) {
      int xi = x0 + i & Tiles.NO_OVERFLOW;
      var v = Lanes.f32(w, w0 + (i >> 1));
      s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
      s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
      s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /** As {@link #f32}, of F16 weights, whole blocks of {@link Pairs}. */
  static void f16(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    var half = IntVector.broadcast(I, Pairs.HALF);
    for (int i = 0; i != ROWS * n; i += ROWS * Pairs.BLOCK) {
      int xi = x0 + i & Tiles.NO_OVERFLOW;
      var pair = IntVector.fromMemorySegment(I, w, w0 + (i >> 2), LITTLE_ENDIAN);
      var v =
          pair.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
      s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
      s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      v =
          pair.lanewise(VectorOperators.ASHR, 3)
              .lanewise(VectorOperators.AND, half)
              .reinterpretAsFloats();
      s0 = v.fma(FloatVector.fromArray(F, x, xi + 8 * LANES), s0);
      s1 = v.fma(FloatVector.fromArray(F, x, xi + 9 * LANES), s1);
      s2 = v.fma(FloatVector.fromArray(F, x, xi + 10 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(F, x, xi + 11 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(F, x, xi + 12 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(F, x, xi + 13 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(F, x, xi + 14 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(F, x, xi + 15 * LANES), s7);
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /** As {@link #f32}, of BF16 weights, whole blocks of {@link Pairs}. */
  static void bf16(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    var upper = IntVector.broadcast(I, 0xffff0000);
    for (int i = 0; i != ROWS * n; i += ROWS * Pairs.BLOCK) {
      int xi = x0 + i & Tiles.NO_OVERFLOW;
      var pair = IntVector.fromMemorySegment(I, w, w0 + (i >> 2), LITTLE_ENDIAN);
      var v = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
      s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
      s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      v = pair.lanewise(VectorOperators.AND, upper).reinterpretAsFloats();
      s0 = v.fma(FloatVector.fromArray(F, x, xi + 8 * LANES), s0);
      s1 = v.fma(FloatVector.fromArray(F, x, xi + 9 * LANES), s1);
      s2 = v.fma(FloatVector.fromArray(F, x, xi + 10 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(F, x, xi + 11 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(F, x, xi + 12 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(F, x, xi + 13 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(F, x, xi + 14 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(F, x, xi + 15 * LANES), s7);
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /** As {@link #f32}, of whole groups of {@link ElementType#INT8}. */
  static void int8(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    int i = x0;
    long group = w0;
    for (int left = n; left != 0; left -= GROUP, group += INT8_GROUP) {
      var scale = FloatVector.broadcast(F, Quantized.scale(w, group));
      var min = FloatVector.broadcast(F, Quantized.min(w, group));
      long codes = group + 4;
      for (int end = i + ROWS * GROUP; i != end; i += ROWS * LANES, codes += LANES) {
        int xi = i & Tiles.NO_OVERFLOW;
        var v = Dequantize.floats(Dequantize.unsigned(w, codes)).fma(scale, min);
        s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
        s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
        s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
        s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
        s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
        s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
        s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
        s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      }
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /** As {@link #f32}, of blocks of {@link ElementType#Q8_0}. */
  static void q80(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    int i = x0;
    long block = w0;
    for (int left = n; left != 0; left -= 32, block += Q80_BLOCK) {
      var d = FloatVector.broadcast(F, Blocks.half(w, block));
      long codes = block + 2;
      for (int end = i + ROWS * 32; i != end; i += ROWS * LANES, codes += LANES) {
        int xi = i & Tiles.NO_OVERFLOW;
        var v = Dequantize.floats(Dequantize.signed(w, codes)).mul(d);
        s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
        s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
        s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
        s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
        s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
        s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
        s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
        s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      }
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /**
   * As {@link #f32}, of whole groups of {@link ElementType#INT4}, in the order of {@link Nibbles}.
   */
  static void int4(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    int i = x0;
    long at4 = w0;
    for (int left = n; left != 0; left -= Nibbles.NUMBERS, at4 += Nibbles.BYTES) {
      var scale = FloatVector.broadcast(F, Quantized.scale(w, at4));
      var min = FloatVector.broadcast(F, Quantized.min(w, at4));
      var words = Nibbles.int4(w, at4);
      for (int end = i + ROWS * Nibbles.NUMBERS; i != end; i += ROWS * LANES) {
        int xi = i & Tiles.NO_OVERFLOW;
        var v = Nibbles.low(words).fma(scale, min);
        words = words.lanewise(VectorOperators.LSHR, 4);
        s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
        s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
        s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
        s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
        s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
        s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
        s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
        s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      }
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }

  /**
   * As {@link #f32}, of pairs of blocks of {@link ElementType#Q4_0}, in the order of {@link
   * Nibbles}.
   */
  static void q40(float[] x, int x0, MemorySegment w, long w0, int n, float[] sum, int sum0) {
    int at = sum0 & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, sum, at);
    var s1 = FloatVector.fromArray(F, sum, at + LANES);
    var s2 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s4 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s5 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s6 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s7 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    int i = x0;
    long at4 = w0;
    for (int left = n; left != 0; left -= Nibbles.NUMBERS, at4 += Nibbles.BYTES) {
      var scale = Nibbles.q40Scale(w, at4);
      var min = scale.mul(-8f);
      var words = Nibbles.q40(w, at4);
      for (int end = i + ROWS * Nibbles.NUMBERS; i != end; i += ROWS * LANES) {
        int xi = i & Tiles.NO_OVERFLOW;
        var v = Nibbles.low(words).fma(scale, min);
        words = words.lanewise(VectorOperators.LSHR, 4);
        s0 = v.fma(FloatVector.fromArray(F, x, xi), s0);
        s1 = v.fma(FloatVector.fromArray(F, x, xi + LANES), s1);
        s2 = v.fma(FloatVector.fromArray(F, x, xi + 2 * LANES), s2);
        s3 = v.fma(FloatVector.fromArray(F, x, xi + 3 * LANES), s3);
        s4 = v.fma(FloatVector.fromArray(F, x, xi + 4 * LANES), s4);
        s5 = v.fma(FloatVector.fromArray(F, x, xi + 5 * LANES), s5);
        s6 = v.fma(FloatVector.fromArray(F, x, xi + 6 * LANES), s6);
        s7 = v.fma(FloatVector.fromArray(F, x, xi + 7 * LANES), s7);
      }
    }
    s0.intoArray(sum, at);
    s1.intoArray(sum, at + LANES);
    s2.intoArray(sum, at + 2 * LANES);
    s3.intoArray(sum, at + 3 * LANES);
    s4.intoArray(sum, at + 4 * LANES);
    s5.intoArray(sum, at + 5 * LANES);
    s6.intoArray(sum, at + 6 * LANES);
    s7.intoArray(sum, at + 7 * LANES);
  }
}
