package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Unit;
import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.Operator;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.Scalar;
import dev.stowage.dsl.script.ValueSet;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.EcoreUtil2;

/** Evaluates values: units become numbers in base units, parameters become what they are set to. */
final class Values {
  /**
   * The numbers a value allows.
   *
   * @param low inclusive; negative infinity if open
   * @param high inclusive; infinity if open
   * @param step distance between allowed numbers from {@code low} on; empty for all
   * @param auto whether the choice was left open in so many words
   */
  record Allowed(double low, double high, OptionalDouble step, boolean auto) {
    static final Allowed ANY =
        new Allowed(
            Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, OptionalDouble.empty(), true);

    static Allowed exactly(double value) {
      return new Allowed(value, value, OptionalDouble.empty(), false);
    }

    boolean isOne() {
      return low == high;
    }

    Allowed within(double least, double most) {
      return new Allowed(Math.max(low, least), Math.min(high, most), step, auto);
    }
  }

  private final Map<Param, ValueSet> settings = new HashMap<>();
  private final Map<Param, Allowed> given = new HashMap<>();

  /** A variant's setting replaces a parameter's default. */
  void set(Param param, ValueSet value) {
    settings.put(param, value);
  }

  /** A command line's setting replaces everything. */
  void set(Param param, Allowed value) {
    given.put(param, value);
  }

  /** Whether a statement says what a parameter says: a test or a command line may set it. */
  static boolean namesParameter(EObject statement) {
    return EcoreUtil2.eAllOfType(statement, ParamRef.class).size() > 0;
  }

  Allowed of(Param param) {
    var fromOutside = given.get(param);
    if (fromOutside != null) {
      return fromOutside;
    }
    var value = settings.getOrDefault(param, param.getValue());
    var domain = param.getDomain() == null ? Allowed.ANY : of(param.getDomain());
    if (value == null) {
      return domain;
    }
    var allowed = of(value);
    return new Allowed(
        Math.max(allowed.low(), domain.low()),
        Math.min(allowed.high(), domain.high()),
        allowed.step().isPresent() ? allowed.step() : domain.step(),
        allowed.auto());
  }

  Allowed of(ValueSet value) {
    return switch (value) {
      case Auto auto when auto.getDomain() == null -> Allowed.ANY;
      case Auto auto -> {
        var domain = of(auto.getDomain());
        yield new Allowed(domain.low(), domain.high(), domain.step(), true);
      }
      case Comparison comparison -> compare(comparison.getOperator(), of(comparison.getValue()));
      case Range range ->
          new Allowed(
              of(range.getLow()).low(),
              of(range.getHigh()).high(),
              range.getStep() == null
                  ? OptionalDouble.empty()
                  : OptionalDouble.of(of(range.getStep()).low()),
              false);
      case Quantity quantity -> Allowed.exactly(number(quantity));
      case ParamRef reference -> of(reference.getParam());
      default -> Allowed.ANY; // rest: what the others leave
    };
  }

  /** A value that stands for one number. */
  double one(Scalar scalar) {
    return of(scalar).low();
  }

  /** A quantity in base units. */
  static double number(Quantity quantity) {
    var unit = quantity.getUnit() == null ? null : Unit.of(quantity.getUnit()).orElseThrow();
    BigDecimal factor = unit == null ? BigDecimal.ONE : unit.factor();
    return quantity.getNumber().multiply(factor).doubleValue();
  }

  static Allowed compare(Operator operator, Allowed bound) {
    return switch (operator) {
      case AT_LEAST ->
          new Allowed(bound.low(), Double.POSITIVE_INFINITY, OptionalDouble.empty(), false);
      case MORE ->
          new Allowed(
              Math.nextUp(bound.low()), Double.POSITIVE_INFINITY, OptionalDouble.empty(), false);
      case AT_MOST ->
          new Allowed(Double.NEGATIVE_INFINITY, bound.high(), OptionalDouble.empty(), false);
      case LESS ->
          new Allowed(
              Double.NEGATIVE_INFINITY, Math.nextDown(bound.high()), OptionalDouble.empty(), false);
      case EQUAL -> bound;
    };
  }
}
