package dev.stowage.optimizer.ortools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.ortools.linearsolver.MPSolver;
import dev.stowage.optimizer.LpModel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.LpOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** GLOP's answers against those of CLP, another code by other people. */
class SecondSolverTest {
  private static final double INF = Double.POSITIVE_INFINITY;

  private final GlopSolver glop = new GlopSolver();

  @Test
  void agreesWithAnotherSolverOnRandomPrograms() {
    int optimal = 0;
    int infeasible = 0;
    for (long seed = 0; seed < 200; seed++) {
      var model = draw(new Random(seed));
      var outcome = glop.solve(model);
      var other = clp(model);
      switch (outcome) {
        case LpOutcome.Optimal found -> {
          optimal++;
          double best = assertInstanceOf(Double.class, other, "seed " + seed);
          assertEquals(best, found.objective(), 1e-6 * (1 + Math.abs(best)), "seed " + seed);
        }
        case LpOutcome.Infeasible _ -> {
          infeasible++;
          assertEquals(MPSolver.ResultStatus.INFEASIBLE, other, "seed " + seed);
        }
        case LpOutcome.Unbounded _, LpOutcome.Found _, LpOutcome.GaveUp _ ->
            throw new AssertionError("seed " + seed + ": " + outcome);
      }
    }
    assertTrue(optimal > 50 && infeasible > 5, optimal + " optimal, " + infeasible + " not");
  }

  @Test
  void aDegenerateVertexHasAFiniteAnswer() {
    // Many rows meet in the one best point.
    var rows = new ArrayList<Row>();
    for (int i = 1; i <= 50; i++) {
      rows.add(row(List.of(new Term(0, i), new Term(1, 51 - i)), 51, INF));
    }
    var found =
        assertInstanceOf(
            LpOutcome.Optimal.class,
            glop.solve(new LpModel(free(2), rows, List.of(new Term(0, 1), new Term(1, 1)))));
    assertEquals(2, found.objective(), 1e-9);
    for (double dual : found.duals()) {
      assertTrue(Double.isFinite(dual), () -> "dual " + dual);
    }
  }

  @Test
  void numbersThatAreNoneAreNeverAnAnswer() {
    for (double bad : new double[] {Double.NaN, INF, -INF}) {
      boolean refused = false;
      try {
        var row = row(List.of(new Term(0, bad)), 1, INF);
        var outcome = glop.solve(new LpModel(free(1), List.of(row), List.of(new Term(0, 1))));
        refused = !(outcome instanceof LpOutcome.Optimal);
      } catch (IllegalArgumentException e) {
        refused = true;
      }
      assertTrue(refused, "a factor of " + bad);
    }
  }

  @Test
  void factorsOfVeryDifferentSizeGiveFiniteAnswersOrNone() {
    for (double factor : new double[] {1e-12, 1e-6, 1e6, 1e12}) {
      var row = row(List.of(new Term(0, factor), new Term(1, 1)), 1, INF);
      var goal = List.of(new Term(0, 1), new Term(1, 1));
      if (glop.solve(new LpModel(free(2), List.of(row), goal)) instanceof LpOutcome.Optimal found) {
        assertFalse(Double.isNaN(found.objective()), "factor " + factor);
        assertEquals(Math.min(1, 1 / factor), found.objective(), 1e-6, "factor " + factor);
      }
    }
  }

  private static LpModel draw(Random random) {
    int size = 5 + random.nextInt(25);
    var variables = new ArrayList<Variable>();
    var goal = new ArrayList<Term>();
    for (int i = 0; i < size; i++) {
      variables.add(new Variable("x" + i, 0, 1 + random.nextInt(5)));
      goal.add(new Term(i, random.nextGaussian()));
    }
    var rows = new ArrayList<Row>();
    for (int r = 5 + random.nextInt(30); r > 0; r--) {
      var terms = new ArrayList<Term>();
      for (int i = 0; i < size; i++) {
        if (random.nextInt(3) == 0) {
          terms.add(new Term(i, random.nextInt(9) - 2));
        }
      }
      double room = random.nextInt(4 * size);
      rows.add(random.nextInt(8) == 0 ? row(terms, room / 2, INF) : row(terms, -INF, room));
    }
    return new LpModel(variables, rows, goal);
  }

  /** The objective, or the status where there is none. */
  private static Object clp(LpModel model) {
    var solver = MPSolver.createSolver("CLP");
    try {
      var made =
          model.variables().stream()
              .map(v -> solver.makeNumVar(v.lower(), v.upper(), v.name()))
              .toList();
      for (var row : model.rows()) {
        var constraint = solver.makeConstraint(row.lower(), row.upper());
        row.terms().forEach(t -> constraint.setCoefficient(made.get(t.variable()), t.factor()));
      }
      model
          .goal()
          .forEach(t -> solver.objective().setCoefficient(made.get(t.variable()), t.factor()));
      solver.objective().setMinimization();
      var status = solver.solve();
      return status == MPSolver.ResultStatus.OPTIMAL ? solver.objective().value() : status;
    } finally {
      solver.delete();
    }
  }

  private static List<Variable> free(int count) {
    var variables = new ArrayList<Variable>();
    for (int i = 0; i < count; i++) {
      variables.add(new Variable("x" + i, 0, INF));
    }
    return variables;
  }

  private static Row row(List<Term> terms, double lower, double upper) {
    return new Row("row", Row.Kind.CAPACITY, "device", "share", terms, lower, upper, List.of());
  }
}
