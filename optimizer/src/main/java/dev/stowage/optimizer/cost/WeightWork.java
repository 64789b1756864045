package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;

/**
 * Bringing rows that do not lie on the compute device to it.
 *
 * <pre>
 * bytes     sweeps · u · uses · bytes(region)
 * transfers sweeps · u · uses · layers(region)
 * </pre>
 *
 * {@code u} is 1 in zig-zag order, which keeps a layer's weights for all micro-batches, and {@code
 * m} row by row; {@code uses} is 2 for the token embedding of a model whose head is tied to it.
 */
public final class WeightWork {
  private WeightWork() {}

  public static BusyTable of(Problem problem, BatchShape batch, WeightRegion region) {
    var table = new BusyTable();
    if (region.home().equals(problem.compute())) {
      return table;
    }
    int turns = problem.order() instanceof Schedule.Order.RowByRow ? batch.microBatches() : 1;
    var transfers = new Transfers(problem, table, true);
    for (var phase : Phase.values()) {
      double loads =
          (double) Sweeps.count(batch, phase) * turns * uses(problem.shape(), region.weight());
      transfers.move(
          phase,
          region.home(),
          problem.compute(),
          loads * region.bytes(problem.shape()),
          loads * region.layers().size());
    }
    return table;
  }

  private static int uses(ModelShape shape, Weight weight) {
    return weight == Weight.TOKENS && shape.tiedHead() ? 2 : 1;
  }
}
