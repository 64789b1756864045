package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Placement.Busy;
import dev.stowage.optimizer.Placement.WaitingHidden;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The cost of a placement in whole units. A phase takes as long as its busiest resource; a block is
 * prefill, then decode:
 *
 * <pre>
 * T = max_r busy[r, prefill] + max_r busy[r, decode]        throughput = B · n / T
 * </pre>
 *
 * Of several stages {@code s} on devices of their own, each has such a time {@code T_s}; they
 * follow each other, and in a pipeline of {@code m} micro-batches they overlap. What several of
 * them use is busy with all of them:
 *
 * <pre>
 * T = max( Σ_s T_s / m + (1 − 1/m) · max_s T_s, max_r Σ_s busy[s, r] )      in other orders m = 1
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
    var tables = ComputeWork.ofAll(resources, batch);
    var stages = resources.problem().stages();
    var shape = resources.problem().shape();
    for (var region : weights) {
      int stage = stages.number(shape, region.weight(), region.layers().from());
      WeightWork.add(tables.get(stage), batch, region);
    }
    for (var region : kv) {
      tables.get(stages.number(region.layers().from())).add(KvWork.of(resources, batch, region));
    }
    for (var w : waiting) {
      tables.getFirst().add(WaitingWork.of(resources, batch, w.device(), w.microBatches()));
    }
    return cost(resources, batch, prefetch, tables);
  }

  /**
   * The seconds of a block that no placement of this shape can go below: in each phase the
   * products, with all matrices at hand, or bringing those there that do not fit; see {@link
   * LeastLoads}.
   *
   * @param bytes of the matrices that products of each stage read, in the fewest bytes allowed
   */
  public static double lowerBound(Resources resources, BatchShape batch, List<Double> bytes) {
    var tables = ComputeWork.ofAll(resources, batch);
    var problem = resources.problem();
    var stages = problem.stages();
    for (int stage = 0; stage < tables.size(); stage++) {
      var table = tables.get(stage);
      var device = resources.device(stages.devices().get(stage));
      boolean measured = Speeds.measured(device.spec());
      for (var phase : Phase.values()) {
        if (measured) {
          double once = 2.0 * batch.sequences() / Speeds.bestMatmul(device.spec());
          double seconds =
              once * ComputeWork.multiplied(problem.shape(), batch, phase, stages, stage);
          table.add(phase, BusyTable.Kind.OTHER, device.compute(), seconds);
        } else {
          table.add(
              phase,
              BusyTable.Kind.OTHER,
              device.bandwidth(),
              bytes.get(stage)
                  * Sweeps.count(batch, phase)
                  * batch.microBatches()
                  / device.spec().rate(Rate.MEMORY_BANDWIDTH));
        }
      }
    }
    var products = cost(resources, batch, 1, tables).prediction();
    double loads = LeastLoads.seconds(resources, bytes);
    int turns = problem.order() instanceof Schedule.Order.ZigZag ? 1 : batch.microBatches();
    return Math.max(products.prefillSeconds(), loads * turns * Sweeps.count(batch, Phase.PREFILL))
        + Math.max(products.decodeSeconds(), loads * turns * Sweeps.count(batch, Phase.DECODE));
  }

  /** The fewest bytes of all matrices, or of those that products read. */
  public static double leastBytes(Problem problem, boolean multiplied) {
    return leastBytesOfStages(problem, multiplied).stream().mapToDouble(b -> b).sum();
  }

  /** The same of every stage. */
  public static List<Double> leastBytesOfStages(Problem problem, boolean multiplied) {
    var shape = problem.shape();
    var head = Stops.head(shape);
    var bytes = new double[problem.stages().count()];
    for (var weight : Weight.values()) {
      boolean lookedUp = weight == Weight.TOKENS || weight == Weight.POSITIONS;
      if (!multiplied || !lookedUp || head.contains(weight)) {
        for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
          bytes[problem.stages().number(shape, weight, layer)] +=
              leastBytes(problem, weight, layer);
        }
      }
    }
    return Arrays.stream(bytes).boxed().toList();
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

  private static Cost cost(
      Resources resources, BatchShape batch, int prefetch, List<BusyTable> tables) {
    var table = new BusyTable(resources);
    tables.forEach(table::add);
    var prefill = bound(resources, batch, prefetch, tables, table, Phase.PREFILL);
    var decode = bound(resources, batch, prefetch, tables, table, Phase.DECODE);
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

  /**
   * The time of a phase, of stages that follow each other.
   *
   * @param all the sum of the stages' tables
   */
  private static BusyTable.Bound bound(
      Resources resources,
      BatchShape batch,
      int prefetch,
      List<BusyTable> tables,
      BusyTable all,
      Phase phase) {
    var problem = resources.problem();
    double sum = 0;
    BusyTable.Bound longest = null;
    for (int stage = 0; stage < tables.size(); stage++) {
      var device = problem.stages().devices().get(stage);
      var bound =
          tables
              .get(stage)
              .bound(
                  phase,
                  computing(resources, device),
                  prefetch > 0,
                  passesAtOneStop(problem, batch));
      sum += bound.seconds();
      longest = longest == null || bound.seconds() > longest.seconds() ? bound : longest;
    }
    if (tables.size() == 1) {
      return longest;
    }
    double beside = besideOthers(problem, batch);
    double seconds = (1 - beside) * sum + beside * longest.seconds();
    for (int resource = 0; resource < resources.count(); resource++) {
      double busy = all.of(phase, resource).sum();
      if (busy > seconds) {
        seconds = busy;
        longest = new BusyTable.Bound(busy, resources.name(resource));
      }
    }
    return new BusyTable.Bound(seconds, longest.resource());
  }

  /** What a device computes with: its processor and its memory. */
  public static List<Integer> computing(Resources resources, String device) {
    return List.of(resources.compute(device), resources.bandwidth(device));
  }

  /**
   * Passes that follow each other at one stop, so that one computes while another waits for its
   * attention: in a pipeline none do.
   */
  public static int passesAtOneStop(Problem problem, BatchShape batch) {
    return problem.order() instanceof Schedule.Order.Pipeline ? 1 : batch.microBatches();
  }

  /**
   * The part of a stage's work that runs beside other stages': in a pipeline all micro-batches but
   * one, in other orders nothing.
   */
  public static double besideOthers(Problem problem, BatchShape batch) {
    return problem.order() instanceof Schedule.Order.Pipeline ? 1 - 1.0 / batch.microBatches() : 0;
  }

  private static double perSecond(double tokens, double seconds) {
    return seconds > 0 ? tokens / seconds : 0;
  }
}
