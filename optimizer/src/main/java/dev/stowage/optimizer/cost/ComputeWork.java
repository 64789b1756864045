package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Weight;

/**
 * What every placement of a batch shape does alike, on the compute device.
 *
 * <pre>
 * compute    prefill 2 · B · E_once / PREFILL_COMPUTE + Σ_chunks ( 2 · B · c · E_layer + 4 · B · L · queryWidth · c(c+1)/2 ) / F(c · B/m)
 *            decode  (n − 1) · ( 2 · B · (E_layer + E_once) + 4 · B · L · queryWidth ) / DECODE_COMPUTE
 * </pre>
 *
 * {@code E_layer} are the elements of all layers' matrices, {@code E_once} those of the projections
 * and the head, which only rows with logits meet. The embedding is a look-up. {@code F(rows)} grows
 * from {@code DECODE_COMPUTE} to {@code PREFILL_COMPUTE} with the rows of a pass, which it reaches
 * at 128: products of few rows cannot use a matrix unit well. What reading and unpacking the
 * matrices takes depends on how they are stored: see {@link WeightWork}.
 */
public final class ComputeWork {
  private static final double FULL_RATE_ROWS = 128;

  private ComputeWork() {}

  public static BusyTable of(Resources resources, BatchShape batch) {
    var problem = resources.problem();
    var shape = problem.shape();
    double perLayer = 0;
    double once = 0;
    for (var weight : Weight.values()) {
      double elements = (double) shape.rows(weight) * shape.columns(weight);
      if (weight.perLayer()) {
        perLayer += elements * shape.layers();
      } else if (weight != Weight.TOKENS && weight != Weight.POSITIONS) {
        once += elements;
      }
    }
    if (shape.tiedHead()) {
      once += (double) shape.rows(Weight.TOKENS) * shape.columns(Weight.TOKENS);
    }
    double sequences = batch.sequences();
    double pairFlops = 4.0 * sequences * shape.layers() * shape.queryWidth();
    var device = problem.machine().device(problem.compute());
    double prefill = 2 * sequences * once / device.rate(Rate.PREFILL_COMPUTE);
    for (int sweep = 0; sweep < Sweeps.count(batch, Phase.PREFILL); sweep++) {
      double chunk = Sweeps.chunk(batch, sweep);
      double flops = 2 * sequences * chunk * perLayer + pairFlops * chunk * (chunk + 1) / 2;
      prefill += flops / prefillRate(device, chunk * sequences / batch.microBatches());
    }
    double decode =
        Sweeps.count(batch, Phase.DECODE) * (2 * sequences * (perLayer + once) + pairFlops);

    var table = new BusyTable(resources);
    int compute = resources.compute();
    table.add(Phase.PREFILL, BusyTable.Kind.OTHER, compute, prefill);
    table.add(
        Phase.DECODE, BusyTable.Kind.OTHER, compute, decode / device.rate(Rate.DECODE_COMPUTE));
    return table;
  }

  private static double prefillRate(DeviceSpec device, double rows) {
    double few = device.rate(Rate.DECODE_COMPUTE);
    return few + (device.rate(Rate.PREFILL_COMPUTE) - few) * Math.min(1, rows / FULL_RATE_ROWS);
  }
}
