package dev.stowage.optimizer;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.formulate.Formulation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Solves formulations for goals, one after the other, and counts the programs. A program the solver
 * gives up on counts as one without an answer; why is remembered.
 */
final class Programs {
  /** Answers this close to the best count as equally good. */
  static final double SLACK = 1e-3;

  /**
   * A solved formulation.
   *
   * @param first the outcome for the first goal alone: its duals are prices of that goal
   * @param last the outcome after all goals: its values are the answer
   * @param rowsOfFirst the rows of the first program
   * @param value of the first goal with its preferences: ms, or GiB
   */
  record Solved(
      Formulation formulation,
      LpOutcome.Optimal first,
      List<Row> rowsOfFirst,
      LpOutcome.Optimal last,
      double value) {
    /** The block's seconds at the first goal's optimum. */
    double boundSeconds() {
      return Programs.value(formulation.blockTime(), first.values()) / 1e3;
    }
  }

  private final LpSolver solver;
  private int solved;
  private Optional<String> gaveUp = Optional.empty();

  Programs(LpSolver solver) {
    this.solver = solver;
  }

  int solved() {
    return solved;
  }

  /** Why the solver last gave up, if it did. */
  Optional<String> gaveUp() {
    return gaveUp;
  }

  /** The first goal alone, with its preferences: what batch shapes are compared by. */
  Optional<Solved> first(Formulation formulation) {
    return solve(formulation, List.of(formulation.problem().objective().first()), false);
  }

  /** A formulation with what it takes to bound the first goal; see {@link Programs#first}. */
  static final class Bounded {
    private final Formulation formulation;
    private final LpModel model;
    private final double offset;

    Bounded(Formulation formulation) {
      var goal = formulation.problem().objective().first();
      this.formulation = formulation;
      this.model = formulation.model(terms(formulation, goal), List.of());
      this.offset = offset(formulation, goal);
    }

    Formulation formulation() {
      return formulation;
    }

    /** What the first goal cannot come to less than, by the prices of another program. */
    double atLeast(DualBound prices) {
      return prices.of(model) + offset;
    }
  }

  /** All goals, then the block's time if none of them is about it, then the least effort. */
  Optional<Solved> all(Formulation formulation) {
    var objective = formulation.problem().objective();
    var goals = new ArrayList<Goal>();
    goals.add(objective.first());
    goals.addAll(objective.then());
    if (goals.stream().noneMatch(Goal::isTime)) {
      goals.add(new Goal.MinimizeLatency());
    }
    return solve(formulation, goals, true);
  }

  /** One program. */
  Optional<LpOutcome.Optimal> solve(LpModel model) {
    solved++;
    return switch (solver.solve(model)) {
      case LpOutcome.Optimal optimal -> Optional.of(optimal);
      case LpOutcome.Found(var objective, var values) ->
          Optional.of(
              new LpOutcome.Optimal(
                  objective, values, new double[model.rows().size()], new double[values.length]));
      case LpOutcome.Infeasible() -> Optional.empty();
      case LpOutcome.Unbounded() ->
          throw new IllegalStateException("an unbounded program:\n" + model.text());
      case LpOutcome.GaveUp(var reason) -> {
        gaveUp = Optional.of(reason);
        yield Optional.empty();
      }
    };
  }

  /** The first goal alone of a mixed program, with its preferences; no prices go with it. */
  Optional<Solved> whole(Formulation formulation, double blockMillis) {
    var goal = formulation.problem().objective().first();
    var terms = new ArrayList<>(terms(formulation, goal));
    if (goal.isTime()) {
      terms.addAll(formulation.missed(blockMillis));
    }
    var model = formulation.model(terms, List.of());
    return solve(model)
        .map(
            found ->
                new Solved(
                    formulation,
                    found,
                    model.rows(),
                    found,
                    found.objective() + offset(formulation, goal)));
  }

  private Optional<Solved> solve(Formulation formulation, List<Goal> goals, boolean tidy) {
    var kept = new ArrayList<Row>();
    LpOutcome.Optimal first = null;
    LpOutcome.Optimal last = null;
    double value = 0;
    boolean preferred = false;
    for (var goal : goals) {
      var terms = terms(formulation, goal);
      var model = formulation.model(terms, kept);
      var outcome = solve(model);
      if (outcome.isEmpty()) {
        return after(formulation, first, last, value);
      }
      last = outcome.get();
      boolean leads = first == null;
      if (leads) {
        first = last;
      }
      double best = last.objective();
      if (formulation.hasPreferences() && !preferred && goal.isTime()) {
        preferred = true;
        terms = new ArrayList<>(terms);
        terms.addAll(formulation.missed(best));
        outcome = solve(formulation.model(terms, kept));
        if (outcome.isEmpty()) {
          return after(formulation, first, last, value);
        }
        last = outcome.get();
        best = last.objective();
      }
      value = leads ? best + offset(formulation, goal) : value;
      kept.add(keep(goal, terms, best));
    }
    if (tidy) {
      double millis = value(formulation.blockTime(), last.values());
      last = solve(formulation.model(formulation.effort(millis), kept)).orElse(last);
    }
    return after(formulation, first, last, value);
  }

  private static Optional<Solved> after(
      Formulation formulation, LpOutcome.Optimal first, LpOutcome.Optimal last, double value) {
    return last == null
        ? Optional.empty()
        : Optional.of(new Solved(formulation, first, formulation.rows(), last, value));
  }

  private static List<Term> terms(Formulation formulation, Goal goal) {
    return switch (goal) {
      case Goal.MaximizeThroughput(), Goal.MinimizeLatency() -> formulation.blockTime();
      case Goal.MaximizePhaseThroughput(var phase) -> formulation.phaseTime(phase);
      case Goal.MinimizePhaseLatency(var phase) -> formulation.phaseTime(phase);
      case Goal.Share(var thing, var devices, boolean maximize) ->
          formulation.shareOn(thing, devices).stream()
              .map(term -> maximize ? new Term(term.variable(), -term.factor()) : term)
              .toList();
      case Goal.MinimizePeak(var device) -> formulation.bytesOn(device);
    };
  }

  private static double offset(Formulation formulation, Goal goal) {
    return switch (goal) {
      case Goal.MaximizeThroughput _,
          Goal.MinimizeLatency _,
          Goal.MaximizePhaseThroughput _,
          Goal.MinimizePhaseLatency _ ->
          0;
      case Goal.Share(_, _, boolean maximize) -> maximize ? 1 : 0; // what is missing to all
      case Goal.MinimizePeak(var device) -> formulation.fixedBytesOn(device) / (double) (1L << 30);
    };
  }

  private static Row keep(Goal goal, List<Term> terms, double best) {
    return new Row(
        "keep " + goal,
        Row.Kind.DEFINITION,
        "block",
        "",
        terms,
        Double.NEGATIVE_INFINITY,
        best + Math.abs(best) * SLACK + 1e-9,
        List.of());
  }

  private static double value(List<Term> terms, double[] values) {
    return terms.stream().mapToDouble(t -> t.factor() * values[t.variable()]).sum();
  }
}
