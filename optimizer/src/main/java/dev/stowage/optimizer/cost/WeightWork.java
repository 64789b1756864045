package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;

/**
 * Bringing rows that do not lie on the compute device to it.
 *
 * <pre>
 * loads     sweeps · u · bytes(region), in sweeps · u · layers(region) transfers
 * look-ups  tokens of the phase · B · bytes(row) · rows(region) / rows, in as many transfers as rows
 * </pre>
 *
 * {@code u} is 1 in zig-zag order, which keeps a layer's weights for all micro-batches, and {@code
 * m} row by row. Token and position rows are looked up; token rows are loaded too where the head is
 * tied to them.
 */
public final class WeightWork {
  private WeightWork() {}

  public static BusyTable of(Problem problem, BatchShape batch, WeightRegion region) {
    var table = new BusyTable();
    if (region.home().equals(problem.compute())) {
      return table;
    }
    var shape = problem.shape();
    int turns = problem.order() instanceof Schedule.Order.RowByRow ? batch.microBatches() : 1;
    boolean lookedUp = region.weight() == Weight.TOKENS || region.weight() == Weight.POSITIONS;
    boolean loaded = !lookedUp || Stops.head(shape).contains(region.weight());
    for (var phase : Phase.values()) {
      if (loaded) {
        double loads = (double) Sweeps.count(batch, phase) * turns;
        new Transfers(problem, table, BusyTable.Kind.LOADING)
            .move(
                phase,
                region.home(),
                problem.compute(),
                loads * region.bytes(shape),
                loads * region.layers().size());
      }
      if (lookedUp) {
        double rows =
            (double) Sweeps.tokens(batch, phase)
                * batch.sequences()
                * region.rows().size()
                / shape.rows(region.weight());
        new Transfers(problem, table, BusyTable.Kind.OTHER)
            .move(
                phase,
                region.home(),
                problem.compute(),
                rows * shape.rowBytes(region.weight(), region.type()),
                rows);
      }
    }
    return table;
  }
}
