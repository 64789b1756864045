package dev.stowage.runtime.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * The block types of GGUF files, number by number: the definition that every faster way of reading
 * them agrees with to the bit. Products are rounded to F32 one by one, in the order of the
 * formulas.
 *
 * <pre>
 * Q8_0  d · q[i]                              d at 0, q at 2
 * Q4_0  d · (code − 8)                        d at 0, codes at 2
 * Q4_K  (d · scale) · code − (m · min)        d at 0, m at 2, scales and mins at 4, codes at 16
 * Q6_K  (d · scale) · (code − 32)             low halves at 0, high pairs at 128, scales at 192, d at 208
 * </pre>
 *
 * Source: ggml, {@code ggml-quants.c}, {@code dequantize_row_*}.
 */
public final class Blocks {
  private Blocks() {}

  /**
   * One number of a row.
   *
   * @param type one of {@link ElementType#blocks}
   * @param row offset of the row's first block
   */
  public static float number(ElementType type, MemorySegment segment, long row, int index) {
    long block = row + type.rowBytes(index / type.group() * type.group());
    int i = index % type.group();
    return switch (type) {
      case Q8_0 -> half(segment, block) * segment.get(JAVA_BYTE, block + 2 + i);
      case Q4_0 -> {
        int codes = segment.get(JAVA_BYTE, block + 2 + i % 16);
        yield half(segment, block) * ((i < 16 ? codes & 15 : codes >> 4 & 15) - 8);
      }
      case Q4_K -> {
        int group = i / 32;
        int codes = segment.get(JAVA_BYTE, block + 16 + group / 2 * 32 + i % 32);
        int code = group % 2 == 0 ? codes & 15 : codes >> 4 & 15;
        float scale = half(segment, block) * scale(segment, block + 4, group);
        float min = half(segment, block + 2) * min(segment, block + 4, group);
        yield scale * code - min;
      }
      case Q6_K -> {
        int part = i / 128;
        int j = i % 128;
        int low = segment.get(JAVA_BYTE, block + 64 * part + j % 64);
        int high = segment.get(JAVA_BYTE, block + 128 + 32 * part + j % 32);
        int code = (j < 64 ? low & 15 : low >> 4 & 15) | (high >> j / 32 * 2 & 3) << 4;
        float scale = half(segment, block + 208) * segment.get(JAVA_BYTE, block + 192 + i / 16);
        yield scale * (code - 32);
      }
      case F32, F16, BF16, INT8, INT4 ->
          throw new IllegalArgumentException(type.word() + " is no block type of GGUF files");
    };
  }

  /** The F16 number there. */
  public static float half(MemorySegment segment, long offset) {
    return Float.float16ToFloat(segment.get(Elements.BITS16, offset));
  }

  /**
   * The 6-bit scale of 32 numbers of a Q4_K block. Of twelve bytes, the first four hold scales 0..3
   * in their low six bits, the next four mins 0..3; the last four hold the low halves of scales and
   * mins 4..7, whose high pairs are the high bits of the first eight.
   *
   * @param offset of the twelve bytes
   */
  public static int scale(MemorySegment segment, long offset, int group) {
    if (group < 4) {
      return segment.get(JAVA_BYTE, offset + group) & 63;
    }
    int low = segment.get(JAVA_BYTE, offset + 4 + group) & 15;
    return low | (segment.get(JAVA_BYTE, offset + group - 4) >> 6 & 3) << 4;
  }

  /** The 6-bit min of 32 numbers of a Q4_K block: see {@link #scale}. */
  public static int min(MemorySegment segment, long offset, int group) {
    if (group < 4) {
      return segment.get(JAVA_BYTE, offset + 4 + group) & 63;
    }
    int low = segment.get(JAVA_BYTE, offset + 4 + group) >> 4 & 15;
    return low | (segment.get(JAVA_BYTE, offset + group) >> 6 & 3) << 4;
  }
}
