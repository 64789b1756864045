package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.ortools.GlopSolver;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Prices of one program bound another: shares on devices, and the time of the busiest. */
class DualBoundTest {
  private static final double INF = Double.POSITIVE_INFINITY;

  private final GlopSolver glop = new GlopSolver();

  @Test
  void neverSaysMoreThanTheOptimumAndAllOfItForTheProgramItself() {
    int near = 0;
    int compared = 0;
    for (long seed = 0; seed < 300; seed++) {
      var random = new Random(seed);
      var work = new double[3][6];
      for (var row : work) {
        for (int i = 0; i < row.length; i++) {
          row[i] = random.nextInt(4) == 0 ? 0 : random.nextDouble();
        }
      }
      double room = 0.5 + 2 * random.nextDouble();
      var one = program(work, room, 1.0);
      for (var row : work) {
        for (int i = 0; i < row.length; i++) {
          row[i] *= 0.8 + 0.4 * random.nextDouble();
        }
      }
      var other = program(work, room * (0.8 + 0.4 * random.nextDouble()), 0.5);
      if (glop.solve(one) instanceof LpOutcome.Optimal solved
          && glop.solve(other) instanceof LpOutcome.Optimal like) {
        var bound = DualBound.of(one.rows(), solved.duals());
        assertEquals(
            solved.objective(), bound.of(one), 1e-6 * (1 + solved.objective()), "seed " + seed);
        double atLeast = bound.of(other);
        assertTrue(
            atLeast <= like.objective() + 1e-6, seed + ": " + atLeast + ", " + like.objective());
        near += atLeast >= 0.8 * like.objective() ? 1 : 0;
        compared++;
      }
    }
    assertTrue(compared > 200, compared + " programs were compared");
    assertTrue(near > compared / 2, near + " of " + compared + " bounds are near");
  }

  /**
   * Two things over three devices; the busiest takes {@code time}, {@code waiting} is the third's
   * work, of which a part is not hidden.
   */
  private static LpModel program(double[][] work, double room, double part) {
    var variables = new ArrayList<Variable>();
    for (int i = 0; i < 6; i++) {
      variables.add(new Variable("share " + i, 0, 1));
    }
    variables.add(new Variable("time", 0, INF));
    variables.add(new Variable("waiting", 0, INF));
    var rows = new ArrayList<Row>();
    for (int thing = 0; thing < 2; thing++) {
      var terms = new ArrayList<Term>();
      for (int i = 0; i < 3; i++) {
        terms.add(new Term(3 * thing + i, 1));
      }
      rows.add(row("all of " + thing, terms, 1, 1));
    }
    for (int device = 0; device < 3; device++) {
      var terms = new ArrayList<Term>();
      terms.add(new Term(device == 2 ? 7 : 6, 1));
      for (int i = 0; i < 6; i++) {
        terms.add(new Term(i, -work[device][i]));
      }
      rows.add(row("busy " + device, terms, 0, INF));
    }
    rows.add(row("waits", List.of(new Term(6, 1), new Term(7, -part), new Term(0, -0.1)), 0, INF));
    rows.add(row("memory", List.of(new Term(0, 1), new Term(3, 1.5)), -INF, room));
    return new LpModel(variables, rows, List.of(new Term(6, 1)));
  }

  private static Row row(String name, List<Term> terms, double lower, double upper) {
    return new Row(name, Row.Kind.CAPACITY, "device", "share", terms, lower, upper, List.of());
  }
}
