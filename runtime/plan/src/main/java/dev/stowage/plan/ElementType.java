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
 * number = min + scale · code,   code = round((number − min) / scale), 0..255 or 0..15
 * </pre>
 *
 * Groups follow each other without gaps.
 */
public enum ElementType {
  F32(32, 0),
  F16(16, 0),
  BF16(16, 0),
  INT8(8, 4),
  INT4(4, 4);

  /** Numbers that share a scale. */
  public static final int GROUP = 64;

  private final int bits;
  private final int header;

  ElementType(int bits, int header) {
    this.bits = bits;
    this.header = header;
  }

  /** The types that store number after number. */
  public static List<ElementType> single() {
    return List.of(F32, F16, BF16);
  }

  /** The word of the plan's text. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether numbers are stored in groups that share a scale, and lose bits on the way. */
  public boolean quantized() {
    return header > 0;
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

  /** Bytes of a row of so many numbers. */
  public long rowBytes(int numbers) {
    if (!quantized()) {
      return (long) numbers * bits / 8;
    }
    int left = numbers % GROUP;
    return (long) (numbers / GROUP) * groupBytes(GROUP) + (left > 0 ? groupBytes(left) : 0);
  }

  private int groupBytes(int numbers) {
    return header + (numbers * bits + 7) / 8;
  }
}
