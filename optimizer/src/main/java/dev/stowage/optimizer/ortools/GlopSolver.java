package dev.stowage.optimizer.ortools;

import com.google.ortools.Loader;
import com.google.ortools.init.OrToolsVersion;
import com.google.ortools.linearsolver.MPConstraint;
import com.google.ortools.linearsolver.MPSolver;
import com.google.ortools.linearsolver.MPSolverParameters;
import com.google.ortools.linearsolver.MPVariable;
import dev.stowage.optimizer.LpModel;
import dev.stowage.optimizer.LpOutcome;
import dev.stowage.optimizer.LpSolver;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Linear programs: OR-Tools' own simplex, one thread, no randomness: a program of a few hundred
 * terms takes about half a millisecond. The native library is unpacked into the temporary folder
 * and loaded by the first {@link #solve} or {@link #loadAhead} (about half a second, once a
 * process).
 *
 * <p>Mixed programs: SCIP, until an answer is within half a percent of the best, or for a number of
 * nodes, which is the same on every machine. Its limit on time only guards against a program that
 * does not end.
 */
public final class GlopSolver implements LpSolver {
  /**
   * Programs of this size are solved in the time that preparing them takes: by the dual simplex
   * from the basis of the rows' own variables. One that takes this many steps is solved as GLOP
   * does on its own.
   */
  private static final String QUICK =
      "use_preprocessing: false use_dual_simplex: true initial_basis: NONE"
          + " max_number_of_iterations: 20000";

  /**
   * Without presolve too: on programs of this size it takes most of the time, and what it leaves
   * ends at worse answers.
   */
  private static final String MIXED = "presolving/maxrounds = 0\nlimits/nodes = 400";

  private static final double MIXED_GAP = 5e-3;
  private static final long MIXED_MILLIS = 5_000;

  @Override
  public LpOutcome solve(LpModel model) {
    Natives.load();
    if (model.mixed()) {
      return solveMixed(model);
    }
    var outcome = solveOnce(model);
    if (outcome instanceof LpOutcome.Infeasible && mayFallWithoutEnd(model)) {
      // GLOP's presolve does not tell "infeasible" from "unbounded"; without a goal there is no
      // doubt.
      var anyPoint = solveOnce(new LpModel(model.variables(), model.rows(), List.of()));
      return anyPoint instanceof LpOutcome.Optimal ? new LpOutcome.Unbounded() : anyPoint;
    }
    return outcome;
  }

  /** Begins to load the native library, and returns: for who is going to solve something soon. */
  public static void loadAhead() {
    Natives.begin();
  }

  /** The library's version, such as {@code 9.15.6755}. */
  public static String version() {
    Natives.load();
    return OrToolsVersion.getVersionString();
  }

  /** Whether the intervals of the variables alone leave the goal open below. */
  private static boolean mayFallWithoutEnd(LpModel model) {
    var factors = sum(model.goal(), model.variables().size());
    for (int v = 0; v < factors.length; v++) {
      var variable = model.variables().get(v);
      if (factors[v] > 0 && variable.lower() == Double.NEGATIVE_INFINITY
          || factors[v] < 0 && variable.upper() == Double.POSITIVE_INFINITY) {
        return true;
      }
    }
    return false;
  }

  private static LpOutcome solveOnce(LpModel model) {
    var outcome = solveOnce(model, QUICK);
    return outcome instanceof LpOutcome.GaveUp ? solveOnce(model, "") : outcome;
  }

  private static LpOutcome solveOnce(LpModel model, String parameters) {
    var solver = MPSolver.createSolver("GLOP");
    if (solver == null) {
      return new LpOutcome.GaveUp("this build of OR-Tools has no GLOP");
    }
    try {
      solver.setSolverSpecificParametersAsString(parameters);
      return solve(model, solver);
    } finally {
      solver.delete();
    }
  }

  private static LpOutcome solveMixed(LpModel model) {
    var solver = MPSolver.createSolver("SCIP");
    if (solver == null) {
      return new LpOutcome.GaveUp("this build of OR-Tools has no SCIP");
    }
    try {
      var variables = new MPVariable[model.variables().size()];
      var constraints = new MPConstraint[model.rows().size()];
      build(model, solver, variables, constraints);
      solver.setSolverSpecificParametersAsString(MIXED);
      solver.setTimeLimit(MIXED_MILLIS);
      try (var parameters = new Parameters()) {
        return switch (solver.solve(parameters.values)) {
          case OPTIMAL, FEASIBLE -> {
            var values = new double[variables.length];
            for (int i = 0; i < values.length; i++) {
              values[i] = variables[i].solutionValue();
            }
            yield new LpOutcome.Found(solver.objective().value(), values);
          }
          case INFEASIBLE -> new LpOutcome.Infeasible();
          case UNBOUNDED -> new LpOutcome.Unbounded();
          case ABNORMAL, MODEL_INVALID, NOT_SOLVED ->
              new LpOutcome.GaveUp("SCIP found no whole numbers within its limits");
        };
      }
    } finally {
      solver.delete();
    }
  }

  private static final class Parameters implements AutoCloseable {
    private final MPSolverParameters values = new MPSolverParameters();

    private Parameters() {
      values.setDoubleParam(MPSolverParameters.DoubleParam.RELATIVE_MIP_GAP, MIXED_GAP);
    }

    @Override
    public void close() {
      values.delete();
    }
  }

  private static LpOutcome solve(LpModel model, MPSolver solver) {
    var variables = new MPVariable[model.variables().size()];
    var constraints = new MPConstraint[model.rows().size()];
    build(model, solver, variables, constraints);
    return switch (solver.solve()) {
      case OPTIMAL -> optimal(solver, variables, constraints);
      case INFEASIBLE -> new LpOutcome.Infeasible();
      case UNBOUNDED -> new LpOutcome.Unbounded();
      case FEASIBLE -> new LpOutcome.GaveUp("GLOP stopped before the optimum");
      case ABNORMAL -> new LpOutcome.GaveUp("GLOP met a numerical difficulty");
      case MODEL_INVALID -> new LpOutcome.GaveUp("GLOP refused the program");
      case NOT_SOLVED -> new LpOutcome.GaveUp("GLOP did not solve the program");
    };
  }

  private static void build(
      LpModel model, MPSolver solver, MPVariable[] variables, MPConstraint[] constraints) {
    for (int i = 0; i < variables.length; i++) {
      var variable = model.variables().get(i);
      variables[i] =
          solver.makeVar(variable.lower(), variable.upper(), variable.whole(), variable.name());
    }
    for (int i = 0; i < constraints.length; i++) {
      var row = model.rows().get(i);
      constraints[i] = solver.makeConstraint(row.lower(), row.upper());
      var factors = sum(row.terms(), variables.length);
      for (int v = 0; v < variables.length; v++) {
        if (factors[v] != 0) {
          constraints[i].setCoefficient(variables[v], factors[v]);
        }
      }
    }
    var factors = sum(model.goal(), variables.length);
    for (int v = 0; v < variables.length; v++) {
      solver.objective().setCoefficient(variables[v], factors[v]);
    }
    solver.objective().setMinimization();
  }

  private static LpOutcome optimal(
      MPSolver solver, MPVariable[] variables, MPConstraint[] constraints) {
    var values = new double[variables.length];
    var reducedCosts = new double[variables.length];
    for (int i = 0; i < variables.length; i++) {
      values[i] = variables[i].solutionValue();
      reducedCosts[i] = variables[i].reducedCost();
    }
    var duals = new double[constraints.length];
    for (int i = 0; i < constraints.length; i++) {
      duals[i] = constraints[i].dualValue();
    }
    return new LpOutcome.Optimal(solver.objective().value(), values, duals, reducedCosts);
  }

  private static double[] sum(Iterable<LpModel.Term> terms, int variables) {
    var factors = new double[variables];
    for (var term : terms) {
      factors[term.variable()] += term.factor();
    }
    return factors;
  }

  /** The native library, which a thread of its own loads when it is first asked for. */
  private static final class Natives {
    private static final CompletableFuture<Void> LOADED =
        CompletableFuture.runAsync(
            Loader::loadNativeLibraries, load -> Thread.ofPlatform().daemon().start(load));

    private static void begin() {
      // The class's initialisation is the effect.
    }

    private static void load() {
      LOADED.join();
    }
  }
}
