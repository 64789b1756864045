package dev.stowage.plan;

import java.util.List;
import java.util.Locale;

/**
 * How the numbers of a row are stored. A row is a matrix's row, or one head's key or value of one
 * token; rows never share bytes, so they can be cut and placed one by one.
 *
 * <p>{@link #F32}, {@link #F16} and {@link #BF16} store number after number. {@link #INT8} and
 * {@link #INT4} are group-wise quantized (FlexGen, section 5, with the groups along the row): every
 * {@value #GROUP} numbers, and what is left at the end of a row, are a group
 *
 * <pre>
 * scale   F16, little-endian; 0 where all numbers of the group are equal
 * min     F16
 * codes   INT8: n bytes, one unsigned code a number
 *         INT4: ⌈n/2⌉ bytes; byte i holds the code of number i in its low half and that of number ⌈n/2⌉ + i in its high half
 * number = min + scale · code,   code = the nearest of 0..255 or 0..15
 * </pre>
 *
 * Groups follow each other without gaps.
 *
 * <p>{@link #Q8_0}, {@link #Q4_0}, {@link #Q4_K} and {@link #Q6_K} are the blocks of GGUF files
 * (ggml's {@code block_q8_0} … {@code block_q6_K}). Rows are whole blocks. Stowage computes with
 * them as a file stores them, and makes none:
 *
 * <pre>
 * Q8_0   32 numbers   d F16, 32 signed bytes q             number = d · q
 * Q4_0   32 numbers   d F16, 16 bytes                      number = d · (code − 8); byte i holds the codes of numbers i (low half) and 16 + i
 * Q4_K  256 numbers   d F16, m F16, 12 bytes of eight 6-bit scales and mins, 128 bytes of codes
 *                                                          number = d · scale · code − m · min, a scale and a min for each 32 numbers
 * Q6_K  256 numbers   128 bytes of low code halves, 64 bytes of high code pairs, 16 signed scales, d F16
 *                                                          number = d · scale · (code − 32), a scale for each 16 numbers
 * </pre>
 */
public enum ElementType {
  F32(32, 0, 1),
  F16(16, 0, 1),
  BF16(16, 0, 1),
  INT8(8, 4, 64),
  INT4(4, 4, 64),
  Q8_0(8, 2, 32),
  Q4_0(4, 2, 32),
  Q4_K(4, 16, 256),
  Q6_K(6, 18, 256);

  /** Numbers that share a scale in {@link #INT8} and {@link #INT4}. */
  public static final int GROUP = 64;

  private final int bits;
  private final int header;
  private final int group;

  ElementType(int bits, int header, int group) {
    this.bits = bits;
    this.header = header;
    this.group = group;
  }

  /** The types that store number after number. */
  public static List<ElementType> single() {
    return List.of(F32, F16, BF16);
  }

  /** The types that Stowage quantizes to. */
  public static List<ElementType> made() {
    return List.of(INT8, INT4);
  }

  /** The block types of GGUF files. */
  public static List<ElementType> blocks() {
    return List.of(Q8_0, Q4_0, Q4_K, Q6_K);
  }

  /** The word of the plan's text. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether numbers are stored in groups that share a scale, and lose bits on the way. */
  public boolean quantized() {
    return header > 0;
  }

  /** Whether rows are whole groups: of a GGUF file's block types. */
  public boolean wholeGroups() {
    return switch (this) {
      case F32, F16, BF16, INT8, INT4 -> false;
      case Q8_0, Q4_0, Q4_K, Q6_K -> true;
    };
  }

  /** Numbers that are stored together; 1 where numbers are stored one by one. */
  public int group() {
    return group;
  }

  /**
   * Bytes of one number.
   *
   * @throws IllegalArgumentException for a quantized type, whose numbers have no bytes of their own
   */
  public int bytes() {
    if (quantized()) {
      throw notSingle();
    }
    return bits / 8;
  }

  /** What to throw where single numbers are asked of a quantized type. */
  public IllegalArgumentException notSingle() {
    return new IllegalArgumentException(word() + " stores numbers in groups, not one by one");
  }

  /** Bytes of a row of so many numbers; the last block counts whole where rows are whole blocks. */
  public long rowBytes(int numbers) {
    if (!quantized()) {
      return (long) numbers * bits / 8;
    }
    int left = numbers % group;
    long last = left == 0 ? 0 : groupBytes(wholeGroups() ? group : left);
    return (long) (numbers / group) * groupBytes(group) + last;
  }

  private int groupBytes(int numbers) {
    return header + (numbers * bits + 7) / 8;
  }
}
