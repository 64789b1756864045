package dev.stowage.dsl;

import dev.stowage.dsl.script.Property;

/** What a property of a device or link is about: two of the same key say the same thing twice. */
public final class Facts {
  private Facts() {}

  /** Such as {@code memory}, {@code matmul-decode(fp16)} or {@code matmul(fp16) at 16 tok}. */
  public static String key(Property property) {
    if (property.isEmulated()) {
      return "emulated";
    }
    var key = new StringBuilder(String.valueOf(property.getName()));
    if (property.getPrecision() != null) {
      key.append('(').append(property.getPrecision()).append(')');
    }
    if (property.getAt() != null) {
      var size =
          Amount.of(property.getAt())
              .map(amount -> amount.value().stripTrailingZeros().toPlainString())
              .orElseGet(() -> Spans.text(property.getAt()));
      key.append(" at ").append(size);
    }
    return key.toString();
  }
}
