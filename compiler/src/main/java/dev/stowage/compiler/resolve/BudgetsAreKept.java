package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Fix;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.TextEdit;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Quantity;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/**
 * What all approximations together are expected to cost, whichever block they stand in, is no more
 * than each block allows (SW501).
 */
final class BudgetsAreKept {
  private BudgetsAreKept() {}

  /** What one approximation is expected to cost. */
  record Expected(double damage, String what, SourceSpan span) {}

  static void check(Approximate approximate, List<Expected> expected, Scope scope) {
    double budget = Values.number(approximate.getLoss());
    double damage = expected.stream().mapToDouble(Expected::damage).sum();
    if (damage <= budget + 1e-12) {
      return;
    }
    var diagnostic =
        Messages.beyondBudget(
            scope.canRun(),
            Spans.of(approximate.getLoss()),
            approximate.getMetric(),
            budget,
            damage);
    for (var one : expected) {
      diagnostic =
          diagnostic.withRelated(
              one.span(), "%s: %s expected".formatted(one.what(), Messages.percent(one.damage())));
    }
    scope.report(diagnostic.withFix(raise(approximate.getLoss(), damage)));
  }

  /** The smallest budget in tenths of a percent that is enough. */
  private static Fix raise(Quantity loss, double damage) {
    var percent = BigDecimal.valueOf(100 * damage).setScale(1, RoundingMode.UP).toPlainString();
    return new Fix("allow +" + percent + "%", List.of(new TextEdit(Spans.of(loss), percent + "%")));
  }
}
