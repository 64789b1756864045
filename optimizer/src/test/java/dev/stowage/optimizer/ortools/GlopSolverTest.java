package dev.stowage.optimizer.ortools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.LpModel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.LpOutcome;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GlopSolverTest {
  private static final double INF = Double.POSITIVE_INFINITY;

  private final GlopSolver solver = new GlopSolver();

  @Test
  void findsTheOptimumWithDualsAndReducedCosts() {
    // minimize x + 2y + 9z  where x + y + z = 1, x <= 0.25
    var model =
        new LpModel(
            List.of(variable("x"), variable("y"), variable("z")),
            List.of(
                row("cover", List.of(new Term(0, 1), new Term(1, 1), new Term(2, 1)), 1, 1),
                row("room", List.of(new Term(0, 1)), -INF, 0.25)),
            List.of(new Term(0, 1), new Term(1, 2), new Term(2, 9)));
    var optimal = assertInstanceOf(LpOutcome.Optimal.class, solver.solve(model));
    assertEquals(1.75, optimal.objective(), 1e-9);
    assertArrayEquals(new double[] {0.25, 0.75, 0}, optimal.values(), 1e-9);
    assertArrayEquals(new double[] {2, -1}, optimal.duals(), 1e-9);
    assertArrayEquals(new double[] {0, 0, 7}, optimal.reducedCosts(), 1e-9);
  }

  @Test
  void repeatedTermsOfAVariableAddUp() {
    var model =
        new LpModel(
            List.of(variable("x")),
            List.of(row("twice", List.of(new Term(0, 1), new Term(0, 1)), 3, INF)),
            List.of(new Term(0, 1), new Term(0, 1)));
    var optimal = assertInstanceOf(LpOutcome.Optimal.class, solver.solve(model));
    assertEquals(3, optimal.objective(), 1e-9);
  }

  @Test
  void tellsInfeasibleFromUnbounded() {
    var x = List.of(variable("x"));
    var goal = List.of(new Term(0, -1));
    var impossible = List.of(row("low", List.of(new Term(0, 1)), -INF, -1));
    assertInstanceOf(LpOutcome.Infeasible.class, solver.solve(new LpModel(x, impossible, goal)));
    assertInstanceOf(LpOutcome.Unbounded.class, solver.solve(new LpModel(x, List.of(), goal)));
  }

  @Test
  void aDualIsWhatOneMoreUnitIsWorth() {
    for (long seed = 0; seed < 50; seed++) {
      var random = new Random(seed);
      var optimal =
          assertInstanceOf(LpOutcome.Optimal.class, solver.solve(knapsack(random, 0)), "" + seed);
      double step = 1e-5;
      var more =
          assertInstanceOf(LpOutcome.Optimal.class, solver.solve(knapsack(new Random(seed), step)));
      double slope = (more.objective() - optimal.objective()) / step;
      assertEquals(optimal.duals()[0], slope, 1e-3, "seed " + seed);
    }
  }

  @Test
  void writesNothingToStandardOutput() {
    var before = System.out;
    var captured = new ByteArrayOutputStream();
    System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
    try {
      solver.solve(knapsack(new Random(1), 0));
    } finally {
      System.setOut(before);
    }
    assertTrue(captured.toString(StandardCharsets.UTF_8).isEmpty());
  }

  /** Gains at random, of which so much fits: the dual is the gain of the last one that does. */
  private static LpModel knapsack(Random random, double more) {
    var variables = new ArrayList<Variable>();
    var weights = new ArrayList<Term>();
    var goal = new ArrayList<Term>();
    for (int i = 0; i < 10; i++) {
      variables.add(new Variable("x" + i, 0, 1));
      weights.add(new Term(i, 1 + random.nextDouble()));
      goal.add(new Term(i, -1 - random.nextDouble()));
    }
    double room = 5 + random.nextDouble() + more;
    return new LpModel(variables, List.of(row("room", weights, -INF, room)), goal);
  }

  private static Variable variable(String name) {
    return new Variable(name, 0, INF);
  }

  private static Row row(String name, List<Term> terms, double lower, double upper) {
    return new Row(name, Row.Kind.CAPACITY, "device", "share", terms, lower, upper, List.of());
  }
}
