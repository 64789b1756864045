package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The tensor types of GGUF files, by ggml's numbers: those read, and those known by name. */
enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 36),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  BF16(30, 1, 2);

  private final int number;
  private final int group;
  private final int groupBytes;

  GgufType(int number, int group, int groupBytes) {
    this.number = number;
    this.group = group;
    this.groupBytes = groupBytes;
  }

  static Optional<GgufType> of(int number) {
    for (var type : values()) {
      if (type.number == number) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  String word() {
    return name().toUpperCase(Locale.ROOT);
  }

  /** The type of those names that Stowage computes with. */
  static Optional<ElementType> element(String word) {
    return switch (word) {
      case "F32" -> Optional.of(ElementType.F32);
      case "F16" -> Optional.of(ElementType.F16);
      case "BF16" -> Optional.of(ElementType.BF16);
      case "Q8_0" -> Optional.of(ElementType.Q8_0);
      case "Q4_0" -> Optional.of(ElementType.Q4_0);
      case "Q4_K" -> Optional.of(ElementType.Q4_K);
      case "Q6_K" -> Optional.of(ElementType.Q6_K);
      default -> Optional.empty();
    };
  }

  /**
   * Bytes of a tensor.
   *
   * @param dimensions the columns first
   * @throws ArithmeticException if they exceed a long
   * @throws IllegalArgumentException if rows are no whole blocks
   */
  long bytes(List<Long> dimensions) {
    long columns = dimensions.isEmpty() ? 1 : dimensions.getFirst();
    if (columns % group != 0) {
      throw new IllegalArgumentException(
          "has rows of %d numbers, no whole blocks of %s, which have %d"
              .formatted(columns, word(), group));
    }
    long bytes = Math.multiplyExact(columns / group, (long) groupBytes);
    for (int i = 1; i < dimensions.size(); i++) {
      bytes = Math.multiplyExact(bytes, dimensions.get(i));
    }
    return bytes;
  }
}
