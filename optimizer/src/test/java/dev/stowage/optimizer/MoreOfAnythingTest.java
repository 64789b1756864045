package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.advice.Resource;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every memory, rate and link of a machine: more of it is never worse. */
class MoreOfAnythingTest {
  private static final int DRAWS = 40;

  /** Of them, searched anew with more of each resource, which takes ten times as long. */
  private static final int PLANNED = 8;

  private final Optimizer optimizer = new Optimizer(new GlopSolver());

  @Test
  void atOneBatchShapeMoreOfAnyResourceNeverTakesLonger() {
    int compared = 0;
    for (long seed = 0; seed < DRAWS; seed++) {
      var problem = draw(new Random(seed));
      var placed = optimizer.place(problem);
      if (placed instanceof Placed(var placement)) {
        double before = bound(problem, placement);
        for (var resource : Resource.of(problem.machine())) {
          double after = bound(with(problem, resource.times(problem.machine(), 1.5)), placement);
          assertTrue(
              after <= before * (1 + 1e-6),
              "seed " + seed + ", " + resource + ": " + before + " s, then " + after);
          compared++;
        }
      }
    }
    assertTrue(compared > 10 * DRAWS, compared + " resources were compared");
  }

  @Test
  void aPlanWithMoreOfAResourceIsNotSlower() {
    for (long seed = 0; seed < PLANNED; seed++) {
      var problem = draw(new Random(seed));
      if (optimizer.place(problem) instanceof Placed(var before)) {
        for (var resource : Resource.of(problem.machine())) {
          var more = with(problem, resource.times(problem.machine(), 1.5));
          double tokens =
              optimizer.place(more) instanceof Placed(var after)
                  ? after.predicted().throughputTokensPerSecond()
                  : 0;
          // Shapes within half a percent count as equal, and rounding may lose as much again.
          assertTrue(
              tokens >= before.predicted().throughputTokensPerSecond() * 0.99,
              "seed " + seed + ", " + resource + ": " + before.predicted() + ", then " + tokens);
        }
      }
    }
  }

  private double bound(Problem problem, Placement at) {
    return optimizer.boundAt(problem, at.batch(), at.kvType(), at.prefetch()).orElseThrow();
  }

  private static Problem with(Problem problem, Machine machine) {
    return Problem.of(
        machine,
        problem.shape(),
        problem.kvType(),
        problem.workload(),
        problem.bounds(),
        problem.objective());
  }

  private static Problem draw(Random random) {
    var shape = Examples.opt(32, 4096, 32);
    long host = (long) (shape.matrixBytes() * (0.4 + random.nextDouble())) + 4 * Examples.GIB;
    return Problem.of(
        Examples.machine(
            Examples.device(
                "gpu", DeviceKind.GPU, (6 + random.nextInt(10)) * Examples.GIB, 0, Map.of()),
            Examples.host(host),
            Examples.disk(500 * Examples.GIB),
            Examples.csd("csd", 500 * Examples.GIB)),
        shape,
        ElementType.F16,
        Examples.workload(256, 32, Choices.range(1, 32)),
        new Bounds(List.of(), List.of(), List.of(), List.of(), KvAxis.TOKENS, List.of()),
        Objective.throughput());
  }
}
