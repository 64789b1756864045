package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Placement.Busy;
import dev.stowage.optimizer.Placement.WaitingHidden;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * The cost of a placement in whole units. A phase takes as long as its busiest resource; a block is
 * prefill, then decode:
 *
 * <pre>
 * T = max_r busy[r, prefill] + max_r busy[r, decode]        throughput = B · n / T
 * </pre>
 *
 * Resources overlap, with three exceptions (see {@link BusyTable#bound}): without prefetch, loads
 * and the rest take turns; a micro-batch waits for its attention where that leaves the compute
 * device, so that of {@code m} micro-batches one part in {@code m} of it is not hidden, nor is one
 * part in {@code m} of the products where attention takes longer; and a host that computes brings
 * keys and values from a disk, and takes them there, itself.
 */
public final class CostModel {
  private CostModel() {}

  /** What is expected of a placement: see {@link Busy} for the parts. */
  public record Cost(Prediction prediction, List<Busy> busy) {
    public Cost {
      busy = List.copyOf(busy);
    }

    public double blockSeconds() {
      return prediction.prefillSeconds() + prediction.decodeSeconds();
    }
  }

  public static Cost evaluate(
      Problem problem,
      BatchShape batch,
      int prefetch,
      List<WeightRegion> weights,
      List<KvRegion> kv,
      List<WaitingHidden> waiting) {
    return evaluate(new Resources(problem), batch, prefetch, weights, kv, waiting);
  }

  public static Cost evaluate(
      Resources resources,
      BatchShape batch,
      int prefetch,
      List<WeightRegion> weights,
      List<KvRegion> kv,
      List<WaitingHidden> waiting) {
    var table = ComputeWork.of(resources, batch);
    weights.forEach(region -> WeightWork.add(table, batch, region));
    kv.forEach(region -> table.add(KvWork.of(resources, batch, region)));
    waiting.forEach(w -> table.add(WaitingWork.of(resources, batch, w.device(), w.microBatches())));
    return cost(batch, prefetch, table);
  }

  /**
   * The seconds of a block that no placement of this shape can go below: the products, with all
   * matrices at hand.
   *
   * @param bytes of the matrices that products read, in the fewest bytes allowed
   */
  public static double lowerBound(Resources resources, BatchShape batch, double bytes) {
    var table = ComputeWork.of(resources, batch);
    var device = resources.device(resources.problem().compute());
    if (Speeds.measured(device.spec())) {
      double once = 2.0 * batch.sequences() / Speeds.bestMatmul(device.spec());
      for (var phase : Phase.values()) {
        double seconds = once * ComputeWork.multiplied(resources.problem().shape(), batch, phase);
        table.add(phase, BusyTable.Kind.OTHER, device.compute(), seconds);
      }
    } else {
      for (var phase : Phase.values()) {
        table.add(
            phase,
            BusyTable.Kind.OTHER,
            device.bandwidth(),
            bytes
                * Sweeps.count(batch, phase)
                * batch.microBatches()
                / device.spec().rate(Rate.MEMORY_BANDWIDTH));
      }
    }
    return cost(batch, 1, table).blockSeconds();
  }

  /** The fewest bytes of all matrices, or of those that products read. */
  public static double leastBytes(Problem problem, boolean multiplied) {
    var head = Stops.head(problem.shape());
    double bytes = 0;
    for (var weight : Weight.values()) {
      boolean lookedUp = weight == Weight.TOKENS || weight == Weight.POSITIONS;
      if (!multiplied || !lookedUp || head.contains(weight)) {
        for (int layer = 0; layer < (weight.perLayer() ? problem.shape().layers() : 1); layer++) {
          bytes += leastBytes(problem, weight, layer);
        }
      }
    }
    return bytes;
  }

  /** The fewest bytes that a matrix of a layer may be stored in. */
  private static long leastBytes(Problem problem, Weight weight, int layer) {
    var shape = problem.shape();
    return shape.rows(weight)
        * problem.types(weight, layer).stream()
            .mapToLong(type -> shape.rowBytes(weight, type))
            .min()
            .orElseThrow();
  }

  private static Cost cost(BatchShape batch, int prefetch, BusyTable table) {
    var prefill = table.bound(Phase.PREFILL, prefetch > 0, batch.microBatches());
    var decode = table.bound(Phase.DECODE, prefetch > 0, batch.microBatches());
    double sequences = batch.sequences();
    var prediction =
        new Prediction(
            prefill.seconds(),
            decode.seconds(),
            perSecond(sequences * batch.promptTokens(), prefill.seconds()),
            perSecond(sequences * Sweeps.count(batch, Phase.DECODE), decode.seconds()),
            perSecond(sequences * batch.generateTokens(), prefill.seconds() + decode.seconds()),
            prefill.resource(),
            decode.resource());
    var busy = new ArrayList<Busy>();
    for (var phase : Phase.values()) {
      table.of(phase).forEach((resource, s) -> busy.add(new Busy(phase, resource, s.sum())));
    }
    return new Cost(prediction, busy);
  }

  private static double perSecond(double tokens, double seconds) {
    return seconds > 0 ? tokens / seconds : 0;
  }
}
