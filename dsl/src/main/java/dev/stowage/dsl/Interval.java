package dev.stowage.dsl;

import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.Scalar;
import dev.stowage.dsl.script.ValueSet;
import java.math.BigDecimal;
import java.util.Optional;

/**
 * The values that a statement allows, as bounds in base units; a null bound is none. Strict bounds
 * count as closed: what is empty for closed bounds is empty for strict ones too.
 */
public record Interval(BigDecimal low, BigDecimal high) {
  public static final Interval ALL = new Interval(null, null);

  public static Interval of(ValueSet set) {
    return switch (set) {
      case Quantity quantity -> exactly(value(quantity));
      case ParamRef reference -> ofParam(reference);
      case Range range -> new Interval(bound(range.getLow()), bound(range.getHigh()));
      case Comparison comparison -> {
        BigDecimal value = bound(comparison.getValue());
        yield switch (comparison.getOperator()) {
          case AT_LEAST, MORE -> new Interval(value, null);
          case AT_MOST, LESS -> new Interval(null, value);
          case EQUAL -> exactly(value);
        };
      }
      case Auto auto when auto.getDomain() != null -> of(auto.getDomain());
      case null, default -> ALL;
    };
  }

  private static Interval ofParam(ParamRef reference) {
    ValueSet value = reference.getParam() == null ? null : reference.getParam().getValue();
    // a default that is a parameter again is left open, so that no chain of them is followed
    return value instanceof ParamRef ? ALL : of(value);
  }

  private static BigDecimal bound(Scalar scalar) {
    if (scalar instanceof Quantity quantity) {
      return value(quantity);
    }
    if (scalar instanceof ParamRef reference
        && reference.getParam() != null
        && reference.getParam().getValue() instanceof Quantity quantity) {
      return value(quantity);
    }
    return null;
  }

  private static BigDecimal value(Quantity quantity) {
    return Amount.of(quantity).map(Amount::value).orElse(null);
  }

  private static Interval exactly(BigDecimal value) {
    return new Interval(value, value);
  }

  public Interval and(Interval other) {
    return new Interval(
        low == null ? other.low : other.low == null ? low : low.max(other.low),
        high == null ? other.high : other.high == null ? high : high.min(other.high));
  }

  public boolean isEmpty() {
    return low != null && high != null && low.compareTo(high) > 0;
  }

  public BigDecimal lowOr(BigDecimal otherwise) {
    return Optional.ofNullable(low).orElse(otherwise);
  }

  public BigDecimal highOr(BigDecimal otherwise) {
    return Optional.ofNullable(high).orElse(otherwise);
  }
}
