package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.Structure;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Shapes that the search leaves out are none that would have been better. */
class PruningTest {
  private static final int DRAWS = 6;

  @Test
  void noShapeOfTheGridIsBetterThanWhatTheSearchFinds() {
    int solved = 0;
    int all = 0;
    for (long seed = 0; seed < DRAWS; seed++) {
      var problem = draw(new Random(seed));
      var programs = new Programs(new GlopSolver());
      var search = new BatchSearch(problem, programs);
      double best =
          search.run().stream()
              .mapToDouble(BatchSearch.Candidate::score)
              .min()
              .orElse(Double.POSITIVE_INFINITY);
      solved += programs.solved();
      var structure = new Structure(problem);
      var unpruned = new Programs(new GlopSolver());
      for (var shape : search.grid()) {
        for (int prefetch : search.prefetches()) {
          var formulation = Formulation.open(structure, shape, prefetch, Set.of());
          var outcome = unpruned.first(formulation);
          double score =
              outcome.map(o -> search.score(shape, o.value())).orElse(Double.POSITIVE_INFINITY);
          assertTrue(
              score >= best * (1 - 1e-6),
              "seed " + seed + ": " + shape + " comes to " + score + ", found was " + best);
          assertTrue(
              score >= search.bound(problem.workload().typical(shape)) * (1 - 1e-9),
              "seed " + seed + ": " + shape + " comes to " + score + ", less than its bound");
        }
      }
      all += unpruned.solved();
    }
    assertTrue(solved < all / 2, solved + " programs where the grids have " + all);
  }

  private static Problem draw(Random random) {
    var shape = random.nextBoolean() ? Examples.opt(32, 4096, 32) : Examples.opt(40, 5120, 40);
    long host = (long) (shape.matrixBytes() * (0.2 + random.nextDouble())) + 8 * Examples.GIB;
    var devices =
        new ArrayList<>(List.of(Examples.host(host), Examples.disk(2000L * Examples.GIB)));
    for (int i = 0; i < random.nextInt(3); i++) {
      devices.add(Examples.csd("csd[" + i + "]", 500L * Examples.GIB));
    }
    if (random.nextBoolean()) {
      long capacity = (8 + random.nextInt(32)) * Examples.GIB;
      devices.addFirst(Examples.device("gpu", DeviceKind.GPU, capacity, 0, Map.of()));
    }
    return Problem.of(
        new Machine(devices, List.of()),
        shape,
        ElementType.F16,
        Examples.workload(
            32 << random.nextInt(4),
            1 + random.nextInt(32),
            Choices.range(1, 1 << (2 + random.nextInt(5)))),
        Bounds.none(),
        new Objective(
            random.nextInt(4) == 0 ? new Goal.MinimizeLatency() : new Goal.MaximizeThroughput(),
            List.of()));
  }
}
