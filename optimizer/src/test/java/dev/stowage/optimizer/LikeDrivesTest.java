package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.advice.Resource;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.Settled;
import dev.stowage.optimizer.formulate.Structure;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Rate;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Drives that nothing tells apart are one column of the program, and several regions of a plan. */
class LikeDrivesTest {
  private static final double WHOLE = 1 - 1e-6;

  /**
   * Memory of the gpu is short at both: what is not counted there, whole units have no room for.
   */
  @Test
  void aCacheThatLiesOnThemWholeNeedsWhatItsShareNeeds() {
    var problem = withPlentyOfDram(SearchBenchmark.problem());
    var structure = new Structure(problem);
    var programs = new Programs(new GlopSolver());
    for (int microBatches : new int[] {1, 16}) {
      var batch = new BatchShape(496, microBatches, 512, 32, microBatches == 1 ? 4 : 128, false);
      var open = programs.first(Formulation.open(structure, batch, 1, Set.of())).orElseThrow();
      var shares = open.formulation().kvShares(open.last().values());
      var waiting = open.formulation().waitingShares(open.last().values());
      assertTrue(
          shares.values().stream()
              .allMatch(
                  byRoute ->
                      byRoute.entrySet().stream()
                          .anyMatch(e -> e.getKey().count() == 4 && e.getValue() > WHOLE)),
          batch + " leaves some of the cache elsewhere: " + shares);
      assertTrue(
          waiting.values().stream().anyMatch(share -> share > WHOLE),
          batch + " divides what waits: " + waiting);

      var settled =
          new Settled(
              Rounding.regions(problem, batch, Rounding.kv(problem, batch, shares)),
              Rounding.waiting(batch, waiting));
      var whole = programs.first(Formulation.settled(structure, batch, 1, settled, Map.of()));
      assertEquals(open.value(), whole.orElseThrow().value(), 1e-6 * open.value(), batch::toString);
    }
  }

  /** What gathers of 496 sequences is more than the 2 GiB of each drive. */
  private static Problem withPlentyOfDram(Problem p) {
    var machine = new Resource.DeviceRate("inst", Rate.DRAM).times(p.machine(), 16);
    return Problem.of(machine, p.shape(), p.kvType(), p.workload(), p.bounds(), p.objective());
  }
}
