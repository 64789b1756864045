package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Quantized;
import java.lang.foreign.MemorySegment;
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

  /** One code for every lane; there is no shape of 32 bits, so narrow vectors take single codes. */
  private static final boolean WIDE = LANES >= 8;

  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, F.vectorBitSize() / 4)));

  private Dequantize() {}

  /**
   * Writes numbers {@code first .. first + n} of a row.
   *
   * @param width numbers of the row
   * @param first begins a group
   */
  static void int8(MemorySegment x, long row, int width, int first, float[] to, int at, int n) {
    long group = Quantized.group(ElementType.INT8, row, first);
    int whole = WIDE ? n / GROUP * GROUP : 0;
    for (int i = 0; i < whole; i += GROUP, group += INT8_GROUP) {
      bytes(x, group, to, at + i);
    }
    for (int i = whole; i < n; i += GROUP, group += INT8_GROUP) {
      int wide = WIDE ? F.loopBound(n - i) : 0;
      bytes(x, group, wide, to, at + i);
      for (int j = i + wide; j < Math.min(n, i + GROUP); j++) {
        to[at + j] = Quantized.get(ElementType.INT8, x, row, width, first + j);
      }
    }
  }

  /** A whole group: in a loop of known length, which C2 unrolls. */
  private static void bytes(MemorySegment x, long group, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < GROUP; i += LANES) {
      floats(unsigned(x, group + 4 + i)).fma(scale, min).intoArray(to, at + i);
    }
  }

  private static void bytes(MemorySegment x, long group, int n, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < n; i += LANES) {
      floats(unsigned(x, group + 4 + i)).fma(scale, min).intoArray(to, at + i);
    }
  }

  /** As {@link #int8}. */
  static void int4(MemorySegment x, long row, int width, int first, float[] to, int at, int n) {
    long group = Quantized.group(ElementType.INT4, row, first);
    int whole = WIDE ? n / GROUP * GROUP : 0;
    for (int i = 0; i < whole; i += GROUP, group += INT4_GROUP) {
      nibbles(x, group, to, at + i);
    }
    for (int i = whole; i < n; i += GROUP, group += INT4_GROUP) {
      int numbers = Math.min(GROUP, width - first - i); // of the group, of which n may be fewer
      if (WIDE && n - i >= numbers && numbers % (2 * LANES) == 0) {
        nibbles(x, group, numbers / 2, to, at + i);
      } else {
        for (int j = i; j < Math.min(n, i + GROUP); j++) {
          to[at + j] = Quantized.get(ElementType.INT4, x, row, width, first + j);
        }
      }
    }
  }

  /** A whole group: in a loop of known length, which C2 unrolls. */
  private static void nibbles(MemorySegment x, long group, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < GROUP / 2; i += LANES) {
      var codes = unsigned(x, group + 4 + i);
      floats(codes.and(15)).fma(scale, min).intoArray(to, at + i);
      var high = codes.lanewise(VectorOperators.LSHR, 4);
      floats(high).fma(scale, min).intoArray(to, at + GROUP / 2 + i);
    }
  }

  private static void nibbles(MemorySegment x, long group, int half, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < half; i += LANES) {
      var codes = unsigned(x, group + 4 + i);
      floats(codes.and(15)).fma(scale, min).intoArray(to, at + i);
      var high = codes.lanewise(VectorOperators.LSHR, 4);
      floats(high).fma(scale, min).intoArray(to, at + half + i);
    }
  }

  private static IntVector unsigned(MemorySegment x, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, x, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convertShape(VectorOperators.I2F, F, 0);
  }
}
