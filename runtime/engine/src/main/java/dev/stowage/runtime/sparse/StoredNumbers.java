package dev.stowage.runtime.sparse;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads runs of stored single numbers as floats: copied first, since arrays widen fast. */
public final class StoredNumbers {
  private static final ValueLayout.OfFloat FLOATS =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort BITS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;
  private final short[] bits;

  /**
   * @param type F32, F16 or BF16
   * @param most numbers read at once
   */
  public StoredNumbers(ElementType type, int most) {
    if (type.quantized()) {
      throw type.notSingle();
    }
    this.type = type;
    bits = new short[type == ElementType.F32 ? 0 : most];
  }

  /** Writes {@code count} numbers that lie at {@code at} into an array, from {@code start} on. */
  public void read(MemorySegment from, long at, int count, float[] into, int start) {
    switch (type) {
      case F32 -> MemorySegment.copy(from, FLOATS, at, into, start, count);
      case F16 -> {
        MemorySegment.copy(from, BITS, at, bits, 0, count);
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.float16ToFloat(bits[i]);
        }
      }
      case BF16 -> {
        MemorySegment.copy(from, BITS, at, bits, 0, count);
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.intBitsToFloat(bits[i] << 16);
        }
      }
      case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
    }
  }
}
