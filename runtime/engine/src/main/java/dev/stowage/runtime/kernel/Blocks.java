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

  /**
   * Decodes neighbouring numbers of a row, block by block.
   *
   * @param offset of the first block
   * @param n whole blocks of numbers
   */
  public static void decode(
      ElementType type, MemorySegment segment, long offset, float[] to, int at, int n) {
    long blockBytes = type.rowBytes(type.group());
    for (int i = 0; i < n; i += type.group()) {
      long block = offset + i / type.group() * blockBytes;
      switch (type) {
        case Q8_0 -> q80(segment, block, to, at + i);
        case Q4_0 -> q40(segment, block, to, at + i);
        case Q4_K -> q4k(segment, block, to, at + i);
        case Q6_K -> q6k(segment, block, to, at + i);
        case F32, F16, BF16, INT8, INT4 ->
            throw new IllegalArgumentException(type.word() + " is no block type of GGUF files");
      }
    }
  }

  private static void q80(MemorySegment segment, long block, float[] to, int at) {
    float d = half(segment, block);
    for (int i = 0; i < 32; i++) {
      to[at + i] = d * segment.get(JAVA_BYTE, block + 2 + i);
    }
  }

  private static void q40(MemorySegment segment, long block, float[] to, int at) {
    float d = half(segment, block);
    for (int i = 0; i < 16; i++) {
      int codes = segment.get(JAVA_BYTE, block + 2 + i);
      to[at + i] = d * ((codes & 15) - 8);
      to[at + 16 + i] = d * ((codes >> 4 & 15) - 8);
    }
  }

  private static void q4k(MemorySegment segment, long block, float[] to, int at) {
    float d = half(segment, block);
    float m = half(segment, block + 2);
    for (int group = 0; group < 8; group += 2) {
      float scale0 = d * scale(segment, block + 4, group);
      float scale1 = d * scale(segment, block + 4, group + 1);
      float min0 = m * min(segment, block + 4, group);
      float min1 = m * min(segment, block + 4, group + 1);
      long codesAt = block + 16 + group * 16L;
      int first = at + group * 32;
      for (int i = 0; i < 32; i++) {
        int codes = segment.get(JAVA_BYTE, codesAt + i);
        to[first + i] = scale0 * (codes & 15) - min0;
        to[first + 32 + i] = scale1 * (codes >> 4 & 15) - min1;
      }
    }
  }

  private static void q6k(MemorySegment segment, long block, float[] to, int at) {
    float d = half(segment, block + 208);
    for (int part = 0; part < 2; part++) {
      for (int half = 0; half < 2; half++) {
        int first = at + 128 * part + 16 * half;
        long scales = block + 192 + 8 * part + half;
        float scale0 = d * segment.get(JAVA_BYTE, scales);
        float scale1 = d * segment.get(JAVA_BYTE, scales + 2);
        float scale2 = d * segment.get(JAVA_BYTE, scales + 4);
        float scale3 = d * segment.get(JAVA_BYTE, scales + 6);
        long lows = block + 64 * part + 16 * half;
        long highs = block + 128 + 32 * part + 16 * half;
        for (int i = 0; i < 16; i++) {
          int low0 = segment.get(JAVA_BYTE, lows + i);
          int low1 = segment.get(JAVA_BYTE, lows + 32 + i);
          int high = segment.get(JAVA_BYTE, highs + i);
          to[first + i] = scale0 * ((low0 & 15 | (high & 3) << 4) - 32);
          to[first + 32 + i] = scale1 * ((low1 & 15 | (high >> 2 & 3) << 4) - 32);
          to[first + 64 + i] = scale2 * ((low0 >> 4 & 15 | (high >> 4 & 3) << 4) - 32);
          to[first + 96 + i] = scale3 * ((low1 >> 4 & 15 | (high >> 6 & 3) << 4) - 32);
        }
      }
    }
  }
}
