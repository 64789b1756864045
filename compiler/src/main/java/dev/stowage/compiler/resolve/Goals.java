package dev.stowage.compiler.resolve;

import dev.stowage.compiler.resolve.Expectation.Part;
import dev.stowage.compiler.resolve.Expectation.Quantity;
import dev.stowage.compiler.resolve.Values.Allowed;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Direction;
import dev.stowage.dsl.script.Goal;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Operator;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Thing;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What is best, and what limits it: objectives as the optimizer's goals, levels and shares. */
final class Goals {
  private final Scope scope;

  Goals(Scope scope) {
    this.scope = scope;
  }

  /** The objective that holds; a plan without one maximizes throughput. */
  dev.stowage.optimizer.Objective objective(List<Objective> objectives) {
    if (objectives.isEmpty()) {
      return dev.stowage.optimizer.Objective.throughput();
    }
    if (objectives.size() > 1) {
      scope.report(
          Messages.twice(
              Spans.of(objectives.get(1)), "objective", Spans.of(objectives.getFirst())));
    }
    var objective = objectives.getFirst();
    var first = goals(objective.getGoal());
    var then = new ArrayList<dev.stowage.optimizer.Objective.Goal>();
    first.stream().skip(1).forEach(then::add);
    objective.getTieBreaks().forEach(goal -> then.addAll(goals(goal)));
    return first.isEmpty()
        ? dev.stowage.optimizer.Objective.throughput()
        : new dev.stowage.optimizer.Objective(first.getFirst(), then);
  }

  /** A goal; several, one after the other, for the members of an array. */
  private List<dev.stowage.optimizer.Objective.Goal> goals(Goal goal) {
    var quantity = predicted(goal.getMetric());
    if (quantity.isEmpty()) {
      return List.of();
    }
    boolean maximize = goal.getDirection() == Direction.MAXIMIZE;
    switch (quantity.get()) {
      case Quantity.Throughput(var part) when maximize -> {
        return List.of(
            switch (part) {
              case WHOLE -> new dev.stowage.optimizer.Objective.Goal.MaximizeThroughput();
              case PREFILL ->
                  new dev.stowage.optimizer.Objective.Goal.MaximizePhaseThroughput(Phase.PREFILL);
              case DECODE ->
                  new dev.stowage.optimizer.Objective.Goal.MaximizePhaseThroughput(Phase.DECODE);
            });
      }
      case Quantity.Latency(var span) when !maximize -> {
        return List.of(
            switch (span) {
              case BLOCK, REQUEST -> new dev.stowage.optimizer.Objective.Goal.MinimizeLatency();
              case FIRST ->
                  new dev.stowage.optimizer.Objective.Goal.MinimizePhaseLatency(Phase.PREFILL);
              case TOKEN ->
                  new dev.stowage.optimizer.Objective.Goal.MinimizePhaseLatency(Phase.DECODE);
            });
      }
      case Quantity.Peak _ when !maximize -> {
        return members(goal.getMetric()).stream()
            .map(dev.stowage.optimizer.Objective.Goal.MinimizePeak::new)
            .map(dev.stowage.optimizer.Objective.Goal.class::cast)
            .toList();
      }
      case Quantity.Share(var what, _) -> {
        return List.of(
            new dev.stowage.optimizer.Objective.Goal.Share(
                thing(what), members(goal.getMetric()), maximize));
      }
      case Quantity.Throughput _, Quantity.Latency _, Quantity.Peak _, Quantity.Memory _ -> {
        scope.report(
            Messages.noGoal(
                Spans.of(goal),
                Scope.text(goal),
                "Throughput is maximized, latency and peak are minimized, share is either."));
        return List.of();
      }
    }
  }

  /** Limits on time and memory, and on shares. */
  void constraints(
      List<Objective> objectives, List<ServiceLevel> levels, List<Bounds.Share> shares) {
    for (var objective : objectives) {
      for (Constraint constraint : objective.getConstraints()) {
        constraint(constraint, levels, shares);
      }
    }
  }

  private void constraint(
      Constraint constraint, List<ServiceLevel> levels, List<Bounds.Share> shares) {
    var quantity = predicted(constraint.getMetric());
    if (quantity.isEmpty()) {
      return;
    }
    var source = scope.source(constraint);
    var allowed =
        Values.compare(constraint.getOperator(), scope.values().of(constraint.getValue()));
    boolean upper =
        constraint.getOperator() == Operator.AT_MOST || constraint.getOperator() == Operator.LESS;
    boolean lower =
        constraint.getOperator() == Operator.AT_LEAST || constraint.getOperator() == Operator.MORE;
    switch (quantity.get()) {
      case Quantity.Throughput(var part) when lower && allowed.low() > 0 ->
          levels.add(
              new ServiceLevel.Throughput(
                  part == Part.WHOLE
                      ? Optional.empty()
                      : Optional.of(part == Part.PREFILL ? Phase.PREFILL : Phase.DECODE),
                  allowed.low(),
                  source));
      case Quantity.Latency(var span) when upper && allowed.high() > 0 ->
          levels.add(
              switch (span) {
                case BLOCK, REQUEST -> new ServiceLevel.BlockLatency(allowed.high(), source);
                case FIRST -> new ServiceLevel.PhaseLatency(Phase.PREFILL, allowed.high(), source);
                case TOKEN -> new ServiceLevel.PhaseLatency(Phase.DECODE, allowed.high(), source);
              });
      case Quantity.Peak _ when upper && allowed.high() >= 0 ->
          members(constraint.getMetric())
              .forEach(
                  member ->
                      levels.add(new ServiceLevel.Peak(member, (long) allowed.high(), source)));
      case Quantity.Share(var what, _) -> addShare(constraint, what, allowed, shares);
      case Quantity.Throughput _, Quantity.Latency _, Quantity.Peak _, Quantity.Memory _ ->
          scope.report(
              Messages.noGoal(
                  Spans.of(constraint),
                  Scope.text(constraint),
                  "Throughput has a least value, latency and peak have a largest."));
    }
  }

  private void addShare(
      Constraint constraint, String what, Allowed allowed, List<Bounds.Share> shares) {
    var within = allowed.within(0, 1);
    if (within.low() > within.high()) {
      scope.report(
          Messages.nothingLeft(Spans.of(constraint), Scope.text(constraint), Spans.of(constraint)));
      return;
    }
    shares.add(
        new Bounds.Share(
            thing(what),
            members(constraint.getMetric()),
            within.low(),
            within.high(),
            scope.source(constraint)));
  }

  /** What the metric is of, if it may stand in an objective. */
  private Optional<Quantity> predicted(Metric metric) {
    if (Metrics.aspects(metric).contains(Aspect.MEASURED)) {
      scope.report(Messages.measuredGoal(Spans.of(metric), Scope.text(metric)));
      return Optional.empty();
    }
    var quantity = Metrics.quantity(metric);
    if (quantity.isEmpty()) {
      scope.report(Messages.twoMeaningsOfMetric(Spans.of(metric), Scope.text(metric)));
    }
    return quantity;
  }

  private List<String> members(Metric metric) {
    return Metrics.device(metric).map(device -> scope.machines().names(device)).orElse(List.of());
  }

  private Thing thing(String what) {
    return switch (what) {
      case "kv" -> new Thing.Kv();
      case "activations" -> new Thing.Activations();
      default -> Thing.Weights.all(scope.shape());
    };
  }
}
