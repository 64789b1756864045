package dev.stowage.compiler.resolve;

import dev.stowage.compiler.resolve.Expectation.Bound;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.Expect;
import dev.stowage.dsl.script.Infeasible;
import dev.stowage.dsl.script.MetricExpectation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a plan expects of numbers. */
final class Expects {
  private final Scope scope;
  private final boolean inTest;

  /**
   * @param inTest whether the expectations are a test's, which runs nothing
   */
  Expects(Scope scope, boolean inTest) {
    this.scope = scope;
    this.inTest = inTest;
  }

  List<Expectation> expectations(List<Expect> expects) {
    var expectations = new ArrayList<Expectation>();
    for (var expect : expects) {
      switch (expect.getExpectation()) {
        case Infeasible _ -> {
          if (!inTest) {
            scope.report(Messages.infeasibleOutsideTest(Spans.of(expect)));
          }
        }
        case MetricExpectation metric -> expectation(expect, metric).ifPresent(expectations::add);
        default -> throw new IllegalStateException("an expectation of no kind: " + expect);
      }
    }
    return expectations;
  }

  private Optional<Expectation> expectation(Expect expect, MetricExpectation expectation) {
    var metric = expectation.getMetric();
    var text = Scope.text(expectation);
    var aspects = Metrics.aspects(metric);
    boolean measured = aspects.contains(Aspect.MEASURED);
    var quantity = Metrics.quantity(metric);
    if (quantity.isEmpty() || measured && aspects.contains(Aspect.PREDICTED)) {
      scope.report(Messages.twoMeaningsOfMetric(Spans.of(metric), Scope.text(metric)));
      return Optional.empty();
    }
    if (measured && inTest) {
      scope.report(Messages.measuredInTest(Spans.of(expect)));
      return Optional.empty();
    }
    if (expectation.isPredicted() && !measured) {
      scope.report(Messages.predictedWithinPredicted(Spans.of(expect)));
      return Optional.empty();
    }
    return Optional.of(
        new Expectation(quantity.get(), measured, bound(expectation), text, Spans.of(expect)));
  }

  private Bound bound(MetricExpectation expectation) {
    if (expectation.getTolerance() != null) {
      double tolerance = scope.values().one(expectation.getTolerance());
      if (expectation.isPredicted()) {
        return new Bound.NearPrediction(tolerance);
      }
      double reference = scope.values().one(expectation.getReference());
      return new Bound.Between(reference * (1 - tolerance), reference * (1 + tolerance));
    }
    double value = scope.values().one(expectation.getValue());
    return switch (expectation.getOperator()) {
      case AT_LEAST -> new Bound.Between(value, Double.POSITIVE_INFINITY);
      case MORE -> new Bound.Between(Math.nextUp(value), Double.POSITIVE_INFINITY);
      case AT_MOST -> new Bound.Between(Double.NEGATIVE_INFINITY, value);
      case LESS -> new Bound.Between(Double.NEGATIVE_INFINITY, Math.nextDown(value));
      case EQUAL -> new Bound.Between(value, value);
    };
  }
}
