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
   * @param kept what further programs keep of the first goal
   */
  record Solved(
      Formulation formulation,
      LpOutcome.Optimal first,
      List<Row> rowsOfFirst,
      LpOutcome.Optimal last,
      double value,
      Row kept) {
    /** The block's seconds at the first goal's optimum. */
    double boundSeconds() {
      return Programs.value(formulation.blockTime(), first.values()) / 1e3;
    }

    private Solved with(LpOutcome.Optimal last) {
      return new Solved(formulation, first, rowsOfFirst, last, value, kept);
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
    var goal = formulation.problem().objective().first();
    return reach(formulation, goal, List.of(), goal.isTime())
        .map(
            reached ->
                new Solved(
                    formulation,
                    reached.plain(),
                    formulation.rows(),
                    reached.last(),
                    reached.last().objective() + offset(formulation, goal),
                    reached.kept()));
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
    return first(formulation).map(this::all);
  }

  /** The same of a formulation whose first goal is solved already. */
  Solved all(Solved first) {
    var formulation = first.formulation();
    var objective = formulation.problem().objective();
    var goals = new ArrayList<>(objective.then());
    boolean timed = objective.first().isTime();
    if (!timed && goals.stream().noneMatch(Goal::isTime)) {
      goals.add(new Goal.MinimizeLatency());
    }
    var kept = new ArrayList<Row>();
    kept.add(first.kept());
    var last = first.last();
    for (var goal : goals) {
      var reached = reach(formulation, goal, kept, !timed && goal.isTime());
      if (reached.isEmpty()) {
        return first.with(last);
      }
      timed |= goal.isTime();
      last = reached.get().last();
      kept.add(reached.get().kept());
    }
    double millis = value(formulation.blockTime(), last.values());
    return first.with(solve(formulation.model(formulation.effort(millis), kept)).orElse(last));
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
                    found.objective() + offset(formulation, goal),
                    keep(goal, terms, found.objective())));
  }

  /**
   * A goal solved for.
   *
   * @param plain the outcome without preferences
   * @param last the outcome with them
   * @param kept what further programs keep of it
   */
  private record Reached(LpOutcome.Optimal plain, LpOutcome.Optimal last, Row kept) {}

  /**
   * @param preferring whether preferences count too, where there are any
   */
  private Optional<Reached> reach(
      Formulation formulation, Goal goal, List<Row> kept, boolean preferring) {
    var terms = terms(formulation, goal);
    var outcome = solve(formulation.model(terms, kept));
    if (outcome.isEmpty()) {
      return Optional.empty();
    }
    var plain = outcome.get();
    if (preferring && formulation.hasPreferences()) {
      var preferred = new ArrayList<>(terms);
      preferred.addAll(formulation.missed(plain.objective()));
      var last = solve(formulation.model(preferred, kept));
      if (last.isPresent()) {
        var row = keep(goal, preferred, last.get().objective());
        return Optional.of(new Reached(plain, last.get(), row));
      }
    }
    return Optional.of(new Reached(plain, plain, keep(goal, terms, plain.objective())));
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
