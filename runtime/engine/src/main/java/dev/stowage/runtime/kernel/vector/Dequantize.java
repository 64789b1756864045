package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Blocks;
import dev.stowage.runtime.kernel.Quantized;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Numbers of quantized rows as floats, a group at a time, each exactly as {@link Quantized#get}
 * says.
 */
final class Dequantize {
  private static final int GROUP = ElementType.GROUP;
  private static final VectorSpecies<Integer> I = F.withLanes(int.class);

  private static final long INT8_GROUP = ElementType.INT8.rowBytes(GROUP);
  private static final long INT4_GROUP = ElementType.INT4.rowBytes(GROUP);
  private static final long Q80_BLOCK = ElementType.Q8_0.rowBytes(32);
  private static final long Q40_BLOCK = ElementType.Q4_0.rowBytes(32);
  private static final long Q4K_BLOCK = ElementType.Q4_K.rowBytes(256);
  private static final long Q6K_BLOCK = ElementType.Q6_K.rowBytes(256);

  /** One code for every lane; there is no shape of 32 bits, so narrow vectors take single codes. */
  static final boolean WIDE = LANES >= 8;

  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, F.vectorBitSize() / 4)));

  private Dequantize() {}

  /**
   * Writes numbers {@code first .. first + n} of a row.
   *
   * @param width numbers of the row
   * @param first begins a group
   * @param step vectors from one to the next: see {@link Lanes#place}
   */
  static void int8(
      MemorySegment x, long row, int width, int first, float[] to, int at, int step, int n) {
    long group = Quantized.group(ElementType.INT8, row, first);
    int whole = WIDE ? n / GROUP * GROUP : 0;
    for (int i = 0; i < whole; i += GROUP, group += INT8_GROUP) {
      bytes(x, group, to, at + i * step, step);
    }
    for (int i = whole; i < n; i += GROUP, group += INT8_GROUP) {
      int wide = WIDE ? F.loopBound(n - i) : 0;
      bytes(x, group, wide, to, at + i * step, step);
      for (int j = i + wide; j < Math.min(n, i + GROUP); j++) {
        to[Lanes.place(at, j, step)] = Quantized.get(ElementType.INT8, x, row, width, first + j);
      }
    }
  }

  /** A whole group: in a loop of known length, which C2 unrolls. */
  private static void bytes(MemorySegment x, long group, float[] to, int at, int step) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < GROUP; i += LANES) {
      floats(unsigned(x, group + 4 + i)).fma(scale, min).intoArray(to, at + i * step);
    }
  }

  private static void bytes(MemorySegment x, long group, int n, float[] to, int at, int step) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < n; i += LANES) {
      floats(unsigned(x, group + 4 + i)).fma(scale, min).intoArray(to, at + i * step);
    }
  }

  /** As {@link #int8}. */
  static void int4(
      MemorySegment x, long row, int width, int first, float[] to, int at, int step, int n) {
    long group = Quantized.group(ElementType.INT4, row, first);
    for (int i = 0; i < n; i += GROUP, group += INT4_GROUP) {
      int numbers = Math.min(GROUP, width - first - i); // of the group, of which n may be fewer
      if (WIDE && n - i >= numbers && numbers % (2 * LANES) == 0) {
        nibbles(x, group, numbers, to, at + i * step, step);
      } else {
        for (int j = i; j < Math.min(n, i + GROUP); j++) {
          to[Lanes.place(at, j, step)] = Quantized.get(ElementType.INT4, x, row, width, first + j);
        }
      }
    }
  }

  /** All in one method: C2 does not always inline one that returns a vector. */
  private static void nibbles(
      MemorySegment x, long group, int numbers, float[] to, int at, int step) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < numbers; i += LANES) {
      int half = 2 * i < numbers ? 0 : 1;
      long from = group + 4 + i - half * numbers / 2;
      var codes =
          ByteVector.fromMemorySegment(B, x, from, LITTLE_ENDIAN)
              .convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0)
              .lanewise(VectorOperators.LSHR, 4 * half)
              .lanewise(VectorOperators.AND, 15);
      ((FloatVector) codes.convertShape(VectorOperators.I2F, F, 0))
          .fma(scale, min)
          .intoArray(to, at + i * step);
    }
  }

  /**
   * One activation row times two rows of {@link ElementType#INT8}.
   *
   * @param n whole groups
   * @param sum [2, LANES] sums left unfolded
   * @return false: there is no number that it cannot multiply
   */
  static boolean dotInt8(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    long group = 0;
    for (int i = 0; i != n; i += GROUP, group += INT8_GROUP) {
      var scale0 = FloatVector.broadcast(F, Quantized.scale(w, w0 + group));
      var min0 = FloatVector.broadcast(F, Quantized.min(w, w0 + group));
      var scale1 = FloatVector.broadcast(F, Quantized.scale(w, w1 + group));
      var min1 = FloatVector.broadcast(F, Quantized.min(w, w1 + group));
      for (int j = 0; j < GROUP; j += LANES) {
        var xj = FloatVector.fromArray(F, x, x0 + i + j);
        s0 = xj.fma(floats(unsigned(w, w0 + group + 4 + j)).fma(scale0, min0), s0);
        s1 = xj.fma(floats(unsigned(w, w1 + group + 4 + j)).fma(scale1, min1), s1);
      }
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  /** As {@link #dotInt8}, of {@link ElementType#Q8_0}. */
  static boolean dotQ80(float[] x, int x0, MemorySegment w, long w0, long w1, int n, float[] sum) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    long block = 0;
    for (int i = 0; i != n; i += 32, block += Q80_BLOCK) {
      var d0 = FloatVector.broadcast(F, Blocks.half(w, w0 + block));
      var d1 = FloatVector.broadcast(F, Blocks.half(w, w1 + block));
      for (int j = 0; j < 32; j += LANES) {
        var xj = FloatVector.fromArray(F, x, x0 + i + j);
        s0 = xj.fma(floats(signed(w, w0 + block + 2 + j)).mul(d0), s0);
        s1 = xj.fma(floats(signed(w, w1 + block + 2 + j)).mul(d1), s1);
      }
    }
    s0.intoArray(sum, 0);
    s1.intoArray(sum, LANES);
    return false;
  }

  /**
   * Four interleaved activation rows times two rows of {@link ElementType#INT8}: see {@link
   * Matmul.Quad}.
   *
   * @param n whole groups
   */
  static void quadInt8(
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
    long block = 0;
    for (int i = 0; i != n; i += GROUP, block += INT8_GROUP) {
      var scale0 = FloatVector.broadcast(F, Quantized.scale(w, w0 + block));
      var min0 = FloatVector.broadcast(F, Quantized.min(w, w0 + block));
      var scale1 = FloatVector.broadcast(F, Quantized.scale(w, w1 + block));
      var min1 = FloatVector.broadcast(F, Quantized.min(w, w1 + block));
      for (int j = 0; j != GROUP; j += LANES) { // not unrolled: see Tiles
        int at = x0 + 4 * (i + j) & Tiles.NO_OVERFLOW;
        var v = floats(unsigned(w, w0 + block + 4 + j)).fma(scale0, min0);
        s00 = v.fma(FloatVector.fromArray(F, x, at), s00);
        s10 = v.fma(FloatVector.fromArray(F, x, at + LANES), s10);
        s20 = v.fma(FloatVector.fromArray(F, x, at + 2 * LANES), s20);
        s30 = v.fma(FloatVector.fromArray(F, x, at + 3 * LANES), s30);
        v = floats(unsigned(w, w1 + block + 4 + j)).fma(scale1, min1);
        s01 = v.fma(FloatVector.fromArray(F, again, at), s01);
        s11 = v.fma(FloatVector.fromArray(F, again, at + LANES), s11);
        s21 = v.fma(FloatVector.fromArray(F, again, at + 2 * LANES), s21);
        s31 = v.fma(FloatVector.fromArray(F, again, at + 3 * LANES), s31);
      }
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

  /** As {@link #quadInt8}, of {@link ElementType#Q8_0}. */
  static void quadQ80(
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
    long block = 0;
    for (int i = 0; i != n; i += 32, block += Q80_BLOCK) {
      var d0 = FloatVector.broadcast(F, Blocks.half(w, w0 + block));
      var d1 = FloatVector.broadcast(F, Blocks.half(w, w1 + block));
      for (int j = 0; j != 32; j += LANES) { // not unrolled: see Tiles
        int at = x0 + 4 * (i + j) & Tiles.NO_OVERFLOW;
        var v = floats(signed(w, w0 + block + 2 + j)).mul(d0);
        s00 = v.fma(FloatVector.fromArray(F, x, at), s00);
        s10 = v.fma(FloatVector.fromArray(F, x, at + LANES), s10);
        s20 = v.fma(FloatVector.fromArray(F, x, at + 2 * LANES), s20);
        s30 = v.fma(FloatVector.fromArray(F, x, at + 3 * LANES), s30);
        v = floats(signed(w, w1 + block + 2 + j)).mul(d1);
        s01 = v.fma(FloatVector.fromArray(F, again, at), s01);
        s11 = v.fma(FloatVector.fromArray(F, again, at + LANES), s11);
        s21 = v.fma(FloatVector.fromArray(F, again, at + 2 * LANES), s21);
        s31 = v.fma(FloatVector.fromArray(F, again, at + 3 * LANES), s31);
      }
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

  /** Decodes a block type of GGUF files. An interface, so that C2 compiles each by itself. */
  private interface Decoder {
    void run(MemorySegment x, long offset, float[] to, int at, int step, int n);
  }

  private static final Decoder Q8_0 = Dequantize::q80;
  private static final Decoder Q4_0 = Dequantize::q40;
  private static final Decoder Q4_K = Dequantize::q4k;
  private static final Decoder Q6_K = Dequantize::q6k;

  /**
   * Writes {@code n} numbers, whole blocks of one of {@link ElementType#blocks}.
   *
   * @param offset of the first block
   * @param step vectors from one to the next: see {@link Lanes#place}
   */
  static void blocks(
      ElementType type, MemorySegment x, long offset, float[] to, int at, int step, int n) {
    if (!WIDE) {
      for (int i = 0; i < n; i++) {
        to[Lanes.place(at, i, step)] = Blocks.number(type, x, offset, i);
      }
      return;
    }
    var decoder =
        switch (type) {
          case Q8_0 -> Q8_0;
          case Q4_0 -> Q4_0;
          case Q4_K -> Q4_K;
          case Q6_K -> Q6_K;
          case F32, F16, BF16, INT8, INT4 ->
              throw new IllegalArgumentException(type.word() + " is no block type of GGUF files");
        };
    decoder.run(x, offset, to, at, step, n);
  }

  private static void q80(MemorySegment x, long offset, float[] to, int at, int step, int n) {
    long block = offset;
    for (int i = 0; i < n; i += 32, block += Q80_BLOCK) {
      var d = FloatVector.broadcast(F, Blocks.half(x, block));
      for (int j = 0; j < 32; j += LANES) {
        floats(signed(x, block + 2 + j)).mul(d).intoArray(to, at + (i + j) * step);
      }
    }
  }

  private static void q40(MemorySegment x, long offset, float[] to, int at, int step, int n) {
    long block = offset;
    for (int i = 0; i < n; i += 32, block += Q40_BLOCK) {
      var d = FloatVector.broadcast(F, Blocks.half(x, block));
      for (int j = 0; j < 32; j += LANES) {
        floats(four(x, block + 2 + j % 16, j / 16 * 4).sub(8))
            .mul(d)
            .intoArray(to, at + (i + j) * step);
      }
    }
  }

  private static void q4k(MemorySegment x, long offset, float[] to, int at, int step, int n) {
    long block = offset;
    for (int i = 0; i < n; i += 256, block += Q4K_BLOCK) {
      float d = Blocks.half(x, block);
      float m = Blocks.half(x, block + 2);
      for (int group = 0; group < 8; group++) { // two groups share bytes
        float scale = d * Blocks.scale(x, block + 4, group);
        float min = m * Blocks.min(x, block + 4, group);
        long codes = block + 16 + 32 * (group / 2);
        q4kGroup(x, codes, 4 * (group % 2), scale, min, to, at + (i + 32 * group) * step, step);
      }
    }
  }

  /** The 32 numbers of a group of Q4_K, whose codes lie in their bytes from a bit on. */
  private static void q4kGroup(
      MemorySegment x, long codes, int bit, float scale, float min, float[] to, int at, int step) {
    for (int j = 0; j < 32; j += LANES) {
      floats(four(x, codes + j, bit)).mul(scale).sub(min).intoArray(to, at + j * step);
    }
  }

  private static void q6k(MemorySegment x, long offset, float[] to, int at, int step, int n) {
    long block = offset;
    for (int i = 0; i < n; i += 256, block += Q6K_BLOCK) {
      float d = Blocks.half(x, block + 208);
      for (int part = 0; part < 16; part++) { // 16 numbers with a scale of their own
        var scale = FloatVector.broadcast(F, d * x.get(ValueLayout.JAVA_BYTE, block + 192 + part));
        q6kPart(x, block, part, scale, to, at + (i + 16 * part) * step, step);
      }
    }
  }

  private static void q6kPart(
      MemorySegment x, long block, int part, FloatVector scale, float[] to, int at, int step) {
    int first = 16 * part % 128;
    long low = block + 64 * (part / 8) + first % 64;
    long high = block + 128 + 32 * (part / 8) + first % 32;
    int lowShift = first / 64 * 4;
    int highShift = first / 32 * 2;
    for (int j = 0; j < 16; j += LANES) {
      var lows = unsigned(x, low + j).lanewise(VectorOperators.LSHR, lowShift).and(15);
      var highs = unsigned(x, high + j).lanewise(VectorOperators.LSHR, highShift).and(3);
      var codes = lows.or(highs.lanewise(VectorOperators.LSHL, 4)).sub(32);
      floats(codes).mul(scale).intoArray(to, at + j * step);
    }
  }

  static IntVector signed(MemorySegment x, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, x, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.B2I, I, 0);
  }

  static IntVector unsigned(MemorySegment x, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, x, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  /**
   * Four bits of bytes, from a bit on. One loop over all numbers of a block, with the bit as a
   * variable, holds half the operations of one over the low and one over the high bits: C2 inlines
   * so many and no more, and the vectors of the rest become objects.
   */
  private static IntVector four(MemorySegment x, long at, int bit) {
    return unsigned(x, at).lanewise(VectorOperators.LSHR, bit).and(15);
  }

  static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convertShape(VectorOperators.I2F, F, 0);
  }
}
