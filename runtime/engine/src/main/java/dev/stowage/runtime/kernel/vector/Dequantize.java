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
    for (int i = first; i < first + n; i += GROUP) {
      int count = Math.min(GROUP, first + n - i);
      int wide = WIDE ? F.loopBound(count) : 0;
      long group = Quantized.group(ElementType.INT8, row, i);
      bytes(x, group, wide, to, at + i - first);
      for (int j = wide; j < count; j++) {
        to[at + i - first + j] = Quantized.get(ElementType.INT8, x, row, width, i + j);
      }
    }
  }

  private static void bytes(MemorySegment x, long group, int n, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < n; i += LANES) {
      var codes = codes(x, group + 4 + i);
      floats(codes.and(0xff)).fma(scale, min).intoArray(to, at + i);
    }
  }

  /** As {@link #int8}. */
  static void int4(MemorySegment x, long row, int width, int first, float[] to, int at, int n) {
    for (int i = first; i < first + n; i += GROUP) {
      int count = Math.min(GROUP, first + n - i);
      if (WIDE && count == GROUP) {
        nibbles(x, Quantized.group(ElementType.INT4, row, i), to, at + i - first);
      } else {
        for (int j = 0; j < count; j++) {
          to[at + i - first + j] = Quantized.get(ElementType.INT4, x, row, width, i + j);
        }
      }
    }
  }

  private static void nibbles(MemorySegment x, long group, float[] to, int at) {
    var scale = FloatVector.broadcast(F, Quantized.scale(x, group));
    var min = FloatVector.broadcast(F, Quantized.min(x, group));
    for (int i = 0; i < GROUP / 2; i += LANES) {
      var codes = codes(x, group + 4 + i);
      floats(codes.and(0xf)).fma(scale, min).intoArray(to, at + i);
      var high = codes.lanewise(VectorOperators.LSHR, 4).and(0xf);
      floats(high).fma(scale, min).intoArray(to, at + GROUP / 2 + i);
    }
  }

  private static IntVector codes(MemorySegment x, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, x, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.B2I, I, 0);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convertShape(VectorOperators.I2F, F, 0);
  }
}
