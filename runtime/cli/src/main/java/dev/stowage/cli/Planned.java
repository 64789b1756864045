package dev.stowage.cli;

import dev.stowage.compiler.explain.Explanation;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Schedule;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * A plan that is ready to be bound.
 *
 * @param base the folder its relative paths start from
 * @param expectationMissed whether something its source expects is not so
 * @param runExpectations says whether a run is as the source expects, and prints where not
 * @param explanation all there is to say of it, where it was just compiled
 * @param advice makes advice, where it was just compiled: that takes a while
 */
record Planned(
    ExecutablePlan plan,
    Schedule schedule,
    Path base,
    boolean expectationMissed,
    Predicate<Measured> runExpectations,
    Optional<Explanation> explanation,
    Optional<Supplier<Advice>> advice) {
  Planned {
    Objects.requireNonNull(plan);
    Objects.requireNonNull(schedule);
    Objects.requireNonNull(base);
    Objects.requireNonNull(runExpectations);
    Objects.requireNonNull(explanation);
    Objects.requireNonNull(advice);
  }

  /**
   * The model's folder or file, if the plan is one that this machine may be able to run.
   *
   * @throws Failure that says in one line what is missing
   */
  Path model() {
    return switch (plan.source()) {
      case ModelSource.HuggingFace(var path, var _) -> base.resolve(path);
      case ModelSource.Gguf(var path, var _) -> base.resolve(path);
      case ModelSource.ShapeOnly(var name) ->
          throw Failure.machine(
              "the plan is for the shape %s, without weights: it can be planned, not run"
                  .formatted(name));
    };
  }
}
