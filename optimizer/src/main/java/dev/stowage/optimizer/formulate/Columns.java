package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.cost.BusyTable;
import dev.stowage.optimizer.cost.ComputeWork;
import dev.stowage.optimizer.cost.KvWork;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.cost.WaitingWork;
import dev.stowage.optimizer.cost.WeightWork;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is decided for one batch shape. A share is 0..1 of the bytes of its thing.
 *
 * <pre>
 * attention@ram   share of a weight class with that home; where there is a choice, mlp@ram as int4
 * kv.ssd.ram      share of every sequence's KV on that route, see {@link Routes.Kv#name}
 * waiting@ram     share of the micro-batches whose hidden states wait there
 * ring(ram)       GiB of one slot of the ring on the compute device; with a gpu, also of the host's
 * time(prefill)   ms; without prefetch, loading(prefill) and other(prefill), which add up
 * attending(decode) ms of the busiest resource with attention that leaves the compute device
 * missed(...)     by how much a preference is missed
 * </pre>
 *
 * Where the KV cache is cut by tokens, a share stands for that share of the cache at every length;
 * which tokens they are is said, and costed, when they are rounded.
 */
public final class Columns {
  static final double GIB = 1L << 30;
  static final double MILLIS = 1e3;

  /** A share of a weight class. */
  public record OfWeights(int index, WeightClass of, Routes.Weights route, BusyTable work) {
    String home() {
      return route.home();
    }
  }

  /**
   * A share of the KV cache.
   *
   * @param bytes what the whole cache on the route takes, by device
   */
  public record OfKv(int index, Routes.Kv route, BusyTable work, Map<String, Long> bytes) {}

  /** A share of the waiting activations. */
  public record OfWaiting(int index, String device, BusyTable work, Map<String, Long> bytes) {}

  /** How much a preference is missed. */
  record Missed(int index, Bounds.Preference preference) {}

  final Problem problem;
  final BatchShape batch;

  /** What time is counted for: {@link dev.stowage.optimizer.Workload#typical}. */
  final BatchShape typical;

  final int prefetch;
  final List<WeightClass> classes;
  final List<KvRegion> settledKv;
  final List<OfWeights> weights = new ArrayList<>();
  final List<OfKv> kv = new ArrayList<>();
  final List<OfWaiting> waiting = new ArrayList<>();
  final List<Missed> missed = new ArrayList<>();
  final int ring;
  final Optional<Integer> hostRing;
  final Map<Phase, List<Integer>> times = new LinkedHashMap<>();
  final Map<Phase, Integer> attending = new LinkedHashMap<>();

  /** What is the same for all placements. */
  final BusyTable fixedWork;

  final MemoryUse fixedBytes;
  private final List<Variable> variables = new ArrayList<>();

  Columns(
      Problem problem,
      BatchShape batch,
      int prefetch,
      Set<Routes.Kv> excluded,
      Optional<Settled> settled) {
    this.problem = problem;
    this.batch = batch;
    this.typical = problem.workload().typical(batch);
    this.prefetch = prefetch;
    this.classes = WeightClass.of(problem);
    this.settledKv = settled.map(Settled::kv).orElse(List.of());
    this.fixedWork = ComputeWork.of(problem, typical);
    this.fixedBytes =
        MemoryUse.of(
            problem,
            batch,
            prefetch,
            List.of(),
            settledKv,
            settled.map(Settled::waiting).orElse(List.of()));

    addWeights();
    if (settled.isPresent()) {
      addWork(settled.get());
    } else {
      addKv(excluded);
      addWaiting();
    }
    ring = variable("ring(" + problem.compute() + ")", Double.POSITIVE_INFINITY);
    hostRing =
        problem.computesOnGpu()
            ? Optional.of(variable("ring(" + problem.host().name() + ")", Double.POSITIVE_INFINITY))
            : Optional.empty();
    for (var phase : Phase.values()) {
      var parts = prefetch > 0 ? List.of("time") : List.of("loading", "other");
      times.put(
          phase,
          parts.stream()
              .map(part -> variable(part + "(" + phase.word() + ")", Double.POSITIVE_INFINITY))
              .toList());
      attending.put(phase, variable("attending(" + phase.word() + ")", Double.POSITIVE_INFINITY));
    }
    for (var preference : problem.bounds().preferences()) {
      if (settled.isEmpty() || preference.thing().word().equals("weights")) {
        missed.add(
            new Missed(variable("missed(" + ShareRows.name(preference) + ")", 1), preference));
      }
    }
  }

  List<Variable> variables() {
    return List.copyOf(variables);
  }

  private void addWeights() {
    for (var c : classes) {
      for (var home : Routes.weights(problem)) {
        for (var type : c.types()) {
          var work = new BusyTable();
          for (var weight : c.matrices()) {
            var rows = Range.upTo(problem.shape().rows(weight));
            var all = new WeightRegion(weight, c.layers(), rows, home, type);
            work.add(WeightWork.of(problem, typical, all));
          }
          var stored = problem.shape().type(c.matrices().getFirst(), c.layers().from());
          String as = type == stored ? "" : " as " + type.word();
          weights.add(
              new OfWeights(
                  variable(c.name() + "@" + home + as, 1),
                  c,
                  new Routes.Weights(home, type),
                  work));
        }
      }
    }
  }

  private void addKv(Set<Routes.Kv> excluded) {
    for (var route : Routes.kv(problem)) {
      if (excluded.contains(route)) {
        continue;
      }
      var whole = route.whole(problem, batch);
      var use = MemoryUse.of(problem, batch, prefetch, List.of(), List.of(whole), List.of());
      kv.add(
          new OfKv(
              variable(route.name(), 1),
              route,
              KvWork.of(problem, typical, whole),
              beyondFixed(use)));
    }
  }

  private void addWaiting() {
    for (var device : Routes.waiting(problem)) {
      var all =
          List.of(new dev.stowage.optimizer.Placement.WaitingHidden(device, batch.microBatches()));
      var use = MemoryUse.of(problem, batch, prefetch, List.of(), List.of(), all);
      waiting.add(
          new OfWaiting(
              variable("waiting@" + device, 1),
              device,
              WaitingWork.of(problem, typical, device, batch.microBatches()),
              beyondFixed(use)));
    }
  }

  private void addWork(Settled settled) {
    settled.kv().forEach(region -> fixedWork.add(KvWork.of(problem, typical, region)));
    settled
        .waiting()
        .forEach(
            w -> fixedWork.add(WaitingWork.of(problem, typical, w.device(), w.microBatches())));
  }

  private Map<String, Long> beyondFixed(MemoryUse use) {
    var bytes = new LinkedHashMap<String, Long>();
    for (var device : problem.machine().devices()) {
      long more = use.on(device.name()).total() - fixedBytes.on(device.name()).total();
      if (more != 0) {
        bytes.put(device.name(), more);
      }
    }
    return bytes;
  }

  /** Whether weights of a home pass through the host's ring on their way to a gpu. */
  boolean passesHostRing(String home) {
    return hostRing.isPresent() && problem.machine().device(home).kind() == DeviceKind.DISK;
  }

  private int variable(String name, double upper) {
    variables.add(new Variable(name, 0, upper));
    return variables.size() - 1;
  }
}
