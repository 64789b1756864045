package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Placement.WaitingHidden;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * The exact bytes a placement sets aside on every device, with {@link Footprint}'s formulas. All of
 * it is set aside before the first token, the KV cache for its fullest, so there is one peak. Where
 * sequences begin one after another, its fullest is that of a steady stream of them.
 *
 * <pre>
 * home of weights, of KV     their bytes
 * device of a stage          vectors; activations; (prefetch + 1) ring slots of the largest stop's loads
 * host, gpu that only attends queries, keys, values and a partial result for each region of a layer, of one pass
 * host                       staging of regions on disks; with gpus, a ring for each for what comes from disks
 * gpu that attends KV of another device   staging of one slot and layer
 * device of waiting activations  one hidden state a micro-batch
 * gpu that computes          one more, to work on; each of several, those of all micro-batches
 * </pre>
 */
public final class MemoryUse {
  /** Bytes on one device by what they are for. */
  public record Bytes(long weights, long kv, long activations, long working) {
    public long total() {
      return weights + kv + activations + working;
    }

    private Bytes minus(Bytes less) {
      return new Bytes(
          weights - less.weights,
          kv - less.kv,
          activations - less.activations,
          working - less.working);
    }

    private Bytes plus(Buffer.Purpose purpose, long more) {
      return switch (purpose) {
        case WEIGHTS -> new Bytes(weights + more, kv, activations, working);
        case KV -> new Bytes(weights, kv + more, activations, working);
        case ACTIVATIONS -> new Bytes(weights, kv, activations + more, working);
        case WORKING -> new Bytes(weights, kv, activations, working + more);
      };
    }
  }

  private final Map<String, Bytes> devices = new LinkedHashMap<>();

  private MemoryUse(Problem problem) {
    problem.machine().devices().forEach(d -> devices.put(d.name(), new Bytes(0, 0, 0, 0)));
  }

  public static MemoryUse of(
      Problem problem,
      BatchShape batch,
      int prefetch,
      List<WeightRegion> weights,
      List<KvRegion> kv,
      List<WaitingHidden> waiting) {
    var use = new MemoryUse(problem);
    use.addWeights(problem, prefetch, weights);
    use.addKv(problem, batch, kv);
    use.addActivations(problem, batch, kv, waiting);
    return use;
  }

  /**
   * What some regions take by device, beyond what is there without any: bytes, staging, partial
   * results; queries, keys and values where another device than the compute device attends, and
   * what a second micro-batch in flight needs because of it.
   */
  public static Map<String, Bytes> ofKv(Problem problem, BatchShape batch, List<KvRegion> regions) {
    var with = new MemoryUse(problem);
    with.addKv(problem, batch, regions);
    with.addActivations(problem, batch, regions, List.of());
    var without = new MemoryUse(problem);
    without.addActivations(problem, batch, List.of(), List.of());
    with.devices.replaceAll((device, bytes) -> bytes.minus(without.on(device)));
    with.devices.values().removeIf(bytes -> bytes.total() == 0);
    return with.devices;
  }

  /** Bytes on a device. */
  public Bytes on(String device) {
    return devices.get(device);
  }

  /** Bytes of the hidden states of one micro-batch. */
  public static long hiddenBytes(Problem problem, BatchShape batch) {
    return Footprint.hiddenBytes(problem.shape(), batch);
  }

  private void addWeights(Problem problem, int prefetch, List<WeightRegion> weights) {
    var shape = problem.shape();
    for (var region : weights) {
      add(region.home(), Buffer.Purpose.WEIGHTS, Footprint.residentBytes(shape, region));
    }
    for (var stage : problem.stages().list()) {
      addRings(problem, prefetch, weights, stage);
      add(
          stage.device(),
          Buffer.Purpose.WEIGHTS,
          Footprint.align(shape.vectorBytes(stage.layers().size())));
    }
  }

  /** The rings of a stage: there, and in the host's memory for what comes from disks to a gpu. */
  private void addRings(
      Problem problem, int prefetch, List<WeightRegion> weights, Stages.Stage stage) {
    var shape = problem.shape();
    var allLoads = new ArrayList<List<Step.Load>>();
    var allLoadsFromDisk = new ArrayList<List<Step.Load>>();
    for (var stop : weights.isEmpty() ? List.<Stop>of() : stops(problem, stage)) {
      var loads = new ArrayList<Step.Load>();
      var loadsFromDisk = new ArrayList<Step.Load>();
      for (var region : weights) {
        if (stop.matrices().contains(region.weight())
            && region.layers().contains(stop.layer())
            && !region.home().equals(stage.device())) {
          var load =
              new Step.Load(region.weight(), region.rows(), region.type(), region.home(), "ring");
          loads.add(load);
          if (problem.machine().device(region.home()).kind() == DeviceKind.DISK) {
            loadsFromDisk.add(load);
          }
        }
      }
      allLoads.add(loads);
      allLoadsFromDisk.add(loadsFromDisk);
    }
    long slot = Footprint.ringSlotBytes(shape, allLoads);
    add(stage.device(), Buffer.Purpose.WORKING, (prefetch + 1) * slot);
    if (problem.computesOnGpu()) {
      long slotFromDisk = Footprint.ringSlotBytes(shape, allLoadsFromDisk);
      add(problem.host().name(), Buffer.Purpose.WORKING, (prefetch + 1) * slotFromDisk);
    }
  }

  private void addKv(Problem problem, BatchShape batch, List<KvRegion> kv) {
    var shape = problem.shape();
    for (var region : kv) {
      add(
          region.device(),
          Buffer.Purpose.KV,
          Footprint.kvBytes(problem.machine(), shape, problem.kvType(), batch, region));
      var home = problem.machine().device(region.device()).kind();
      add(
          problem.host().name(),
          Buffer.Purpose.WORKING,
          Footprint.stagingBytes(shape, problem.kvType(), home, region));
      var place = problem.machine().device(region.attendAt()).kind();
      if (place == DeviceKind.GPU && !region.device().equals(region.attendAt())) {
        add(
            region.attendAt(),
            Buffer.Purpose.WORKING,
            Footprint.sequenceBytes(shape, problem.kvType(), region));
      }
    }
    for (var stage : problem.stages().list()) {
      addTwins(problem, batch, kv, stage);
    }
  }

  /** What attention elsewhere than on its stage's device reads and writes. */
  private void addTwins(Problem problem, BatchShape batch, List<KvRegion> kv, Stages.Stage stage) {
    var shape = problem.shape();
    long rows = batch.rowsPerPass();
    int inFlight = Footprint.inFlight(problem.machine(), problem.stages(), batch, kv);
    var attending = new LinkedHashSet<String>();
    for (var region : kv) {
      if (stage.layers().overlaps(region.layers())
          && !region.attendAt().equals(stage.device())
          && problem.machine().device(region.attendAt()).kind() != DeviceKind.CSD) {
        attending.add(region.attendAt());
      }
    }
    for (var device : attending) {
      int partials = Footprint.partials(stage.layers(), kv, device).size();
      add(
          device,
          Buffer.Purpose.WORKING,
          inFlight
              * (Footprint.align(4 * rows * shape.queryWidth())
                  + 2 * Footprint.align(4 * rows * shape.kvWidth())
                  + partials * Footprint.partialBytes(shape, rows)));
    }
  }

  private void addActivations(
      Problem problem, BatchShape batch, List<KvRegion> kv, List<WaitingHidden> waiting) {
    long hidden = hiddenBytes(problem, batch);
    var stages = problem.stages();
    int inFlight = Footprint.inFlight(problem.machine(), stages, batch, kv);
    for (var stage : stages.list()) {
      long all =
          Footprint.activationBytes(
              problem.shape(),
              batch,
              stages,
              stage.device(),
              Footprint.regionsPerLayer(stage.layers(), kv),
              inFlight);
      // a host works on them where they wait; so do several gpus
      long atWork = problem.computesOnGpu() && stages.count() == 1 ? inFlight * hidden : 0;
      long waits = stage.device().equals(stages.first()) ? batch.microBatches() * hidden : 0;
      add(stage.device(), Buffer.Purpose.ACTIVATIONS, all - waits + atWork);
    }
    for (var w : waiting) {
      add(w.device(), Buffer.Purpose.ACTIVATIONS, w.microBatches() * hidden);
    }
  }

  private record Stop(List<Weight> matrices, int layer) {}

  private static List<Stop> stops(Problem problem, Stages.Stage stage) {
    var stops = new ArrayList<Stop>();
    if (stage.device().equals(problem.stages().first())) {
      stops.add(new Stop(Stops.embed(problem.shape()), 0));
    }
    for (int layer = stage.layers().from(); layer < stage.layers().to(); layer++) {
      stops.add(new Stop(Stops.layer(problem.shape()), layer));
    }
    if (stage.device().equals(problem.stages().last())) {
      stops.add(new Stop(Stops.head(problem.shape()), 0));
    }
    return stops;
  }

  private void add(String device, Buffer.Purpose purpose, long bytes) {
    devices.computeIfPresent(device, (name, now) -> now.plus(purpose, bytes));
  }
}
