package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.BatchShape;

/**
 * Hidden states of micro-batches that wait on another device than the one that computes: every
 * layer brings them in and takes them out again.
 *
 * <pre>
 * each way: tokens of the phase · (B / m) · microBatches · L · 4 · hidden bytes, in sweeps · L · microBatches transfers
 * </pre>
 */
public final class WaitingWork {
  private static final double F32 = 4;

  private WaitingWork() {}

  /**
   * @param microBatches how many wait there
   */
  public static BusyTable of(
      Resources resources, BatchShape batch, String device, double microBatches) {
    var problem = resources.problem();
    var table = new BusyTable(resources);
    if (problem.stages().compute(device)) {
      return table;
    }
    String compute = problem.stages().first(); // the only one: see Routes.waiting
    var shape = problem.shape();
    var transfers = new Transfers(table, BusyTable.Kind.OTHER);
    for (var phase : Phase.values()) {
      double bytes =
          (double) Sweeps.tokens(batch, phase)
              * batch.sequences()
              / batch.microBatches()
              * microBatches
              * shape.layers()
              * F32
              * shape.hidden();
      double count = Sweeps.count(batch, phase) * microBatches * shape.layers();
      transfers.move(phase, device, compute, bytes, count);
      transfers.move(phase, compute, device, bytes, count);
    }
    return table;
  }
}
