package dev.stowage.dsl.rules;

import dev.stowage.dsl.Amount;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Unit;
import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.ValueSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Holds values against the dimensions that are due where they stand: SW105, SW106. */
final class Measures {
  private final Consumer<Diagnostic> report;

  Measures(Consumer<Diagnostic> report) {
    this.report = report;
  }

  /** Where the word in front of the value is known; one that is not says nothing of its unit. */
  void check(ValueSet set, String what, Vocabulary.Entry due) {
    if (due != null) {
      check(set, what, due.dimensions());
    }
  }

  void check(ValueSet set, String what, Dimension due) {
    check(set, what, Set.of(due));
  }

  /** Reports each quantity of a set that does not measure one of {@code due}. */
  void check(ValueSet set, String what, Set<Dimension> due) {
    switch (set) {
      case Quantity quantity -> quantity(quantity, what, due);
      case ParamRef reference -> reference(reference, what, due);
      case Comparison comparison -> check(comparison.getValue(), what, due);
      case Range range -> {
        check(range.getLow(), what, due);
        check(range.getHigh(), what, due);
        check(range.getStep(), what, due);
      }
      case Auto auto -> check(auto.getDomain(), what, due);
      case null, default -> {}
    }
  }

  private void quantity(Quantity quantity, String what, Set<Dimension> due) {
    Optional<Amount> amount = Amount.of(quantity);
    if (amount.isEmpty()) {
      if (quantity.getNumber() != null) {
        report.accept(
            Messages.wrongUnit(Spans.of(quantity), what, words(due), "in " + quantity.getUnit()));
      }
      return;
    }
    if (due.contains(amount.get().dimension())) {
      return;
    }
    if (amount.get().dimension() == Dimension.COUNT) {
      report.accept(
          Messages.bareNumber(
              Spans.of(quantity),
              what,
              due.stream().sorted().findFirst().orElseThrow(),
              quantity.getNumber().toPlainString()));
    } else {
      report.accept(
          Messages.wrongUnit(
              Spans.of(quantity),
              what,
              words(due),
              quantity.getNumber().toPlainString(),
              quantity.getUnit(),
              near(quantity.getUnit(), due)));
    }
  }

  /** Units that would do and say nearly the same: a rate for its amount, an amount for its rate. */
  private static List<String> near(String unit, Set<Dimension> due) {
    String other = unit.endsWith("/s") ? unit.substring(0, unit.length() - 2) : unit + "/s";
    return Unit.of(other).filter(one -> due.contains(one.dimension())).isPresent()
        ? List.of(other)
        : due.equals(Set.of(Dimension.COUNT)) ? List.of("") : List.of();
  }

  private void reference(ParamRef reference, String what, Set<Dimension> due) {
    Param param = reference.getParam();
    if (param == null || param.eIsProxy()) {
      return;
    }
    Vocabulary.Entry type = Vocabulary.paramTypes().get(param.getType());
    if (type != null && due.stream().noneMatch(type.dimensions()::contains)) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(reference), what, words(due), "a param of type " + param.getType()));
    }
  }

  static String words(Set<Dimension> due) {
    return due.stream().sorted().map(Dimension::words).collect(Collectors.joining(" or "));
  }
}
