package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Rows of numbers as bytes of any type a GGUF file's matrix may have, and back: the obvious way,
 * which shares nothing with the engine's.
 */
public final class BlockCodec {
  private BlockCodec() {}

  /** ggml's number for a type. */
  public static int number(ElementType type) {
    return switch (type) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q8_0 -> 8;
      case Q4_K -> 12;
      case Q6_K -> 14;
      case BF16 -> 30;
      case INT8, INT4 -> throw new IllegalArgumentException(type.word());
    };
  }

  /** Numbers, in whole blocks, rounded to what the type can say. */
  public static byte[] encode(ElementType type, float[] numbers) {
    var out =
        ByteBuffer.allocate((int) type.rowBytes(numbers.length)).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < numbers.length; at += type.group()) {
      switch (type) {
        case F32 -> out.putFloat(numbers[at]);
        case F16 -> out.putShort(Float.floatToFloat16(numbers[at]));
        case BF16 -> out.putShort((short) ((Float.floatToRawIntBits(numbers[at]) + 0x8000) >>> 16));
        case Q8_0 -> {
          float d = half(largest(numbers, at, 32) / 127);
          out.putShort(Float.floatToFloat16(d));
          for (int i = 0; i < 32; i++) {
            out.put((byte) code(numbers[at + i], d, -127, 127));
          }
        }
        case Q4_0 -> {
          float d = half(largest(numbers, at, 32) / 7);
          out.putShort(Float.floatToFloat16(d));
          for (int i = 0; i < 16; i++) {
            int low = code(numbers[at + i], d, -8, 7) + 8;
            int high = code(numbers[at + 16 + i], d, -8, 7) + 8;
            out.put((byte) (low | high << 4));
          }
        }
        case Q4_K -> q4k(numbers, at, out);
        case Q6_K -> q6k(numbers, at, out);
        case INT8, INT4 -> throw new IllegalArgumentException(type.word());
      }
    }
    return out.array();
  }

  private static void q4k(float[] numbers, int at, ByteBuffer out) {
    var ranges = new float[8];
    var mins = new float[8];
    for (int g = 0; g < 8; g++) {
      float least = 0;
      float most = 0;
      for (int i = 0; i < 32; i++) {
        least = Math.min(least, numbers[at + 32 * g + i]);
        most = Math.max(most, numbers[at + 32 * g + i]);
      }
      ranges[g] = (most - least) / 15;
      mins[g] = -least;
    }
    float d = half(largest(ranges, 0, 8) / 63);
    float m = half(largest(mins, 0, 8) / 63);
    var scales = new int[8];
    var minCodes = new int[8];
    for (int g = 0; g < 8; g++) {
      scales[g] = code(ranges[g], d, 0, 63);
      minCodes[g] = code(mins[g], m, 0, 63);
    }
    out.putShort(Float.floatToFloat16(d)).putShort(Float.floatToFloat16(m));
    for (int g = 0; g < 4; g++) {
      out.put((byte) (scales[g] | scales[g + 4] >> 4 << 6));
    }
    for (int g = 0; g < 4; g++) {
      out.put((byte) (minCodes[g] | minCodes[g + 4] >> 4 << 6));
    }
    for (int g = 4; g < 8; g++) {
      out.put((byte) (scales[g] & 15 | (minCodes[g] & 15) << 4));
    }
    for (int pair = 0; pair < 4; pair++) {
      for (int i = 0; i < 32; i++) {
        int code = 0;
        for (int half = 0; half < 2; half++) {
          int g = 2 * pair + half;
          float number = numbers[at + 32 * g + i] + m * minCodes[g];
          code |= code(number, d * scales[g], 0, 15) << 4 * half;
        }
        out.put((byte) code);
      }
    }
  }

  private static void q6k(float[] numbers, int at, ByteBuffer out) {
    var ranges = new float[16];
    for (int g = 0; g < 16; g++) {
      ranges[g] = largest(numbers, at + 16 * g, 16) / 31;
    }
    float d = half(largest(ranges, 0, 16) / 127);
    var scales = new int[16];
    var codes = new int[256];
    for (int g = 0; g < 16; g++) {
      scales[g] = code(ranges[g], d, -128, 127);
      for (int i = 0; i < 16; i++) {
        codes[16 * g + i] = code(numbers[at + 16 * g + i], d * scales[g], -32, 31) + 32;
      }
    }
    for (int part = 0; part < 256; part += 128) {
      for (int i = 0; i < 64; i++) {
        out.put((byte) (codes[part + i] & 15 | (codes[part + 64 + i] & 15) << 4));
      }
    }
    for (int part = 0; part < 256; part += 128) {
      for (int i = 0; i < 32; i++) {
        int pairs = 0;
        for (int quarter = 0; quarter < 4; quarter++) {
          pairs |= codes[part + 32 * quarter + i] >> 4 << 2 * quarter;
        }
        out.put((byte) pairs);
      }
    }
    for (int scale : scales) {
      out.put((byte) scale);
    }
    out.putShort(Float.floatToFloat16(d));
  }

  /** The numbers that bytes say, exactly. */
  public static double[] decode(ElementType type, byte[] bytes, int count) {
    var in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    var numbers = new double[count];
    int blockBytes = (int) type.rowBytes(type.group());
    for (int i = 0; i < count; i++) {
      int block = i / type.group() * blockBytes;
      int j = i % type.group();
      numbers[i] =
          switch (type) {
            case F32 -> in.getFloat(block);
            case F16 -> Float.float16ToFloat(in.getShort(block));
            case BF16 -> Float.intBitsToFloat(in.getShort(block) << 16);
            case Q8_0 -> (double) half(in, block) * in.get(block + 2 + j);
            case Q4_0 -> (double) half(in, block) * (nibble(in, block + 2, j % 16, j / 16) - 8);
            case Q4_K -> {
              int g = j / 32;
              int scale = g < 4 ? bits(in, block + 4 + g, 0, 6) : sixBits(in, block, g, 0);
              int min = g < 4 ? bits(in, block + 8 + g, 0, 6) : sixBits(in, block, g, 4);
              int code = nibble(in, block + 16 + 32 * (g / 2), j % 32, g % 2);
              yield (double) half(in, block) * scale * code - (double) half(in, block + 2) * min;
            }
            case Q6_K -> {
              int part = j / 128;
              int k = j % 128;
              int low = nibble(in, block + 64 * part, k % 64, k / 64);
              int high = bits(in, block + 128 + 32 * part + k % 32, 2 * (k / 32), 2);
              yield (double) half(in, block + 208)
                  * in.get(block + 192 + j / 16)
                  * (low + 16 * high - 32);
            }
            case INT8, INT4 -> throw new IllegalArgumentException(type.word());
          };
    }
    return numbers;
  }

  /**
   * Scales (shift 0) and mins (shift 4) 4..7: low halves in bytes 8..11, high pairs on top of 0..3
   * and 4..7.
   */
  private static int sixBits(ByteBuffer in, int block, int g, int shift) {
    int high = bits(in, block + 4 + (shift == 0 ? 0 : 4) + g - 4, 6, 2);
    return bits(in, block + 4 + 8 + g - 4, shift, 4) + 16 * high;
  }

  private static int nibble(ByteBuffer in, int at, int byteIndex, int upper) {
    return bits(in, at + byteIndex, 4 * upper, 4);
  }

  private static int bits(ByteBuffer in, int at, int shift, int count) {
    return (in.get(at) & 0xff) >> shift & (1 << count) - 1;
  }

  private static float half(ByteBuffer in, int at) {
    return Float.float16ToFloat(in.getShort(at));
  }

  private static float half(float number) {
    return Float.float16ToFloat(Float.floatToFloat16(number));
  }

  private static int code(float number, float scale, int least, int most) {
    return scale == 0 ? 0 : Math.clamp(Math.round(number / scale), least, most);
  }

  private static float largest(float[] numbers, int from, int count) {
    float largest = 0;
    for (int i = from; i < from + count; i++) {
      largest = Math.max(largest, Math.abs(numbers[i]));
    }
    return largest;
  }
}
