package dev.stowage.dsl;

import dev.stowage.dsl.script.Quantity;
import java.math.BigDecimal;
import java.util.Optional;

/**
 * A quantity without its unit: how much of which dimension, exact, in that dimension's base unit
 * (bytes, bytes a second, seconds, 0 to 1 for a share, ...).
 */
public record Amount(BigDecimal value, Unit.Dimension dimension) {

  /** Of a quantity that was read; empty when its number could not be. */
  public static Optional<Amount> of(Quantity quantity) {
    if (quantity.getNumber() == null) {
      return Optional.empty();
    }
    if (quantity.getUnit() == null) {
      return Optional.of(new Amount(quantity.getNumber(), Unit.Dimension.COUNT));
    }
    return Unit.of(quantity.getUnit())
        .map(unit -> new Amount(quantity.getNumber().multiply(unit.factor()), unit.dimension()));
  }
}
