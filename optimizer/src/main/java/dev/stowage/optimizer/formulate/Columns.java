package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
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
import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.HashMap;
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
 * kv.ssd.ram      share of the KV cache on that route, see {@link Routes.Kv#name}; where it is cut
 *                 by tokens, kv.ssd.ram[prompt] and kv.ssd.ram[generated]; of some layers where
 *                 bounds tell them apart, kv.ssd.ram[0..4]
 * waiting@ram     share of the micro-batches whose hidden states wait there
 * ring(ram)       GiB of one slot of the ring on the compute device; with a gpu, also of the host's
 * time(prefill)   ms; without prefetch, loading(prefill) and other(prefill), which add up; of each
 *                 of several stages time(prefill) of gpu1, and so on
 * attending(decode) ms of the busiest resource with attention that leaves the compute device
 * missed(...)     by how much a preference is missed
 * </pre>
 *
 * Drives that nothing tells apart are one column, whose share they divide evenly: rows about them
 * are those of the first. Which tokens a share of the prompt's or the generated ones are is said,
 * and costed, when they are rounded; tokens generated later are read less often, so the share
 * stands for the average of them.
 */
public final class Columns {
  static final double GIB = 1L << 30;
  static final double MILLIS = 1e3;

  /** A share of a weight class. */
  public record OfWeights(
      int index, WeightClass of, Routes.Weights route, BusyTable work, int stage) {
    String home() {
      return route.home();
    }
  }

  /**
   * A share of a part of the KV cache.
   *
   * @param routes alike, one for each of several drives; each takes as much as the others
   * @param ofAll the part's share of the cache
   * @param bytes what all of the part takes, by device
   * @param beside what its regions need beside it if there is any of it, by device; counted in
   *     proportion where shares need not be whole
   * @param dram what all of the part takes of its drive's own memory; 0 elsewhere
   * @param used 0 or 1, one for all groups of layers; less than 0 where shares need not be whole
   */
  public record OfKv(
      int index,
      Routes.Alike routes,
      KvPart part,
      double ofAll,
      BusyTable work,
      Map<String, Long> bytes,
      Map<String, Long> beside,
      double dram,
      int used) {
    Routes.Kv route() {
      return routes.first();
    }
  }

  /** A share of the waiting activations. */
  public record OfWaiting(int index, String device, BusyTable work, Map<String, Long> bytes) {}

  /** The bytes of a slot of a stage's ring. */
  record Ring(int index, int stage) {}

  /**
   * The times of a stage, in ms.
   *
   * @param parts of each phase: {@code time}, or {@code loading} and {@code other}
   */
  record OfStage(Map<Phase, List<Integer>> parts, Map<Phase, Integer> attending) {}

  /** How much a preference is missed. */
  record Missed(int index, Bounds.Preference preference) {}

  final Structure structure;
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
  final List<Ring> rings = new ArrayList<>();
  final List<Ring> hostRings = new ArrayList<>();

  /** The time of each phase: of one stage its own, of several one that covers them. */
  final Map<Phase, List<Integer>> times = new LinkedHashMap<>();

  final List<OfStage> stages = new ArrayList<>();

  /** What is the same for all placements, of every stage. */
  final List<BusyTable> fixedWork;

  final MemoryUse fixedBytes;

  /** Whether shares of KV and of waiting activations are whole numbers of units. */
  final boolean whole;

  final List<Row> wholeRows = new ArrayList<>();
  private final List<Variable> variables = new ArrayList<>();

  Columns(
      Structure structure,
      BatchShape batch,
      int prefetch,
      Set<KvChoice> excluded,
      Optional<Settled> settled,
      boolean whole,
      List<KvPart> parts) {
    this.structure = structure;
    this.whole = whole;
    this.problem = structure.problem;
    this.batch = batch;
    this.typical = problem.workload().typical(batch);
    this.prefetch = prefetch;
    this.classes = structure.classes;
    this.settledKv = settled.map(Settled::kv).orElse(List.of());
    this.fixedWork = ComputeWork.ofAll(structure.resources, typical);
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
      addKv(excluded, parts);
      addWaiting();
    }
    for (int stage = 0; stage < problem.stages().count(); stage++) {
      addStage(stage);
    }
    for (var phase : Phase.values()) {
      times.put(
          phase,
          stages.size() == 1
              ? stages.getFirst().parts().get(phase)
              : List.of(amount("time(" + phase.word() + ")")));
    }
    for (var preference : problem.bounds().preferences()) {
      if (settled.isEmpty() || preference.thing().word().equals("weights")) {
        missed.add(
            new Missed(variable("missed(" + ShareRows.name(preference) + ")", 1), preference));
      }
    }
  }

  private void addStage(int stage) {
    var device = problem.stages().devices().get(stage);
    String of = problem.stages().count() == 1 ? "" : " of " + device;
    rings.add(new Ring(amount("ring(" + device + ")"), stage));
    if (problem.computesOnGpu()) {
      hostRings.add(new Ring(amount("ring(" + problem.host().name() + ")" + of), stage));
    }
    var parts = new LinkedHashMap<Phase, List<Integer>>();
    var attending = new LinkedHashMap<Phase, Integer>();
    for (var phase : Phase.values()) {
      var named = prefetch > 0 ? List.of("time") : List.of("loading", "other");
      parts.put(
          phase, named.stream().map(part -> amount(part + "(" + phase.word() + ")" + of)).toList());
      attending.put(phase, amount("attending(" + phase.word() + ")" + of));
    }
    stages.add(new OfStage(parts, attending));
  }

  /** The rings whose slots lie on a device. */
  List<Ring> ringsOn(String device) {
    var on = new ArrayList<Ring>();
    rings.stream()
        .filter(ring -> problem.stages().devices().get(ring.stage()).equals(device))
        .forEach(on::add);
    if (problem.host().name().equals(device)) {
      on.addAll(hostRings);
    }
    return on;
  }

  private int amount(String name) {
    return variable(name, Double.POSITIVE_INFINITY);
  }

  List<Variable> variables() {
    return List.copyOf(variables);
  }

  private void addWeights() {
    for (var c : classes) {
      int stage = c.stage(problem);
      for (var home : structure.weightHomes) {
        if (!Routes.isFor(problem, stage, home)) {
          continue;
        }
        for (var type : c.types()) {
          var work = new BusyTable(structure.resources);
          for (var weight : c.matrices()) {
            var rows = Range.upTo(problem.shape().rows(weight));
            var all = new WeightRegion(weight, c.layers(), rows, home, type);
            WeightWork.add(work, typical, all);
          }
          var stored = problem.shape().type(c.matrices().getFirst(), c.layers().from());
          String as = type == stored ? "" : " as " + type.word();
          weights.add(
              new OfWeights(
                  variable(c.name() + "@" + home + as, 1),
                  c,
                  new Routes.Weights(home, type),
                  work,
                  stage));
        }
      }
    }
  }

  private void addKv(Set<KvChoice> excluded, List<KvPart> parts) {
    for (var routes : structure.kvRoutes) {
      var used = new HashMap<Range, Integer>();
      for (var part : parts) {
        var route = routes.first();
        int stage = part.group().stage(problem);
        if (excluded.contains(new KvChoice(part.group(), routes))
            || !Routes.isFor(problem, stage, route.home())
            || !Routes.isFor(problem, stage, route.attendAt())) {
          continue;
        }
        String many = routes.count() == 1 ? "" : "*" + routes.count();
        String name = route.name() + many + part.name(batch);
        var work = new BusyTable(structure.resources);
        for (var run : part.group().runs()) {
          work.add(
              KvWork.of(
                  structure.resources,
                  typical,
                  route.region(problem, batch, run, part.tokens()),
                  part.ofTokens(batch)));
        }
        work.scale(route.home(), 1.0 / routes.count());
        int share = variable(name, 1);
        boolean first = !used.containsKey(part.tokens());
        if (whole && first) {
          used.put(part.tokens(), whole("uses " + name, 1));
        }
        var regions = regions(route, List.of(part));
        kv.add(
            new OfKv(
                share,
                routes,
                part,
                part.ofAll(problem, batch),
                work,
                bytes(regions, routes, true),
                whole ? besideAll(routes, part, parts, first) : bytes(regions, routes, false),
                dram(routes.first(), part) / routes.count(),
                whole ? used.get(part.tokens()) : -1));
        if (whole) {
          inUnits(share, name, part.units(problem, batch));
        }
      }
    }
  }

  /** Of a part of the tokens the same part of what gathers. */
  private double dram(Routes.Kv route, KvPart part) {
    if (problem.machine().device(route.home()).kind() != DeviceKind.CSD) {
      return 0;
    }
    double all = 0;
    for (var run : part.group().runs()) {
      var region = route.region(problem, batch, run, Range.upTo(batch.tokens()));
      all += DriveMemory.bytes(problem.shape(), problem.kvType(), region, 0);
    }
    return all * part.ofTokens(batch);
  }

  /** What whole shares need beside them is there once, for all groups. */
  private Map<String, Long> besideAll(
      Routes.Alike routes, KvPart part, List<KvPart> parts, boolean first) {
    if (!first) {
      return Map.of();
    }
    var needing = parts.stream().filter(p -> p.tokens().equals(part.tokens())).toList();
    return bytes(regions(routes.first(), needing), routes, false);
  }

  private List<KvRegion> regions(Routes.Kv route, List<KvPart> parts) {
    return parts.stream()
        .flatMap(
            part ->
                part.group().runs().stream()
                    .map(run -> route.region(problem, batch, run, part.tokens())))
        .toList();
  }

  /** A share that is a whole number of units. */
  private void inUnits(int share, String name, int units) {
    int count = whole("units of " + name, units);
    wholeRows.add(
        new Row(
            name + " in units",
            Row.Kind.DEFINITION,
            "block",
            "units",
            List.of(new Term(share, units), new Term(count, -1)),
            0,
            0,
            List.of()));
  }

  /**
   * Bytes of regions on like routes together, or what they need beside themselves.
   *
   * @param regions on the first of the routes
   */
  private Map<String, Long> bytes(List<KvRegion> regions, Routes.Alike routes, boolean own) {
    var bytes = new LinkedHashMap<String, Long>();
    int count = routes.count();
    int inFlight = Footprint.inFlight(problem.machine(), problem.stages(), batch, regions);
    var taken = MemoryUse.ofKv(problem, batch, regions);
    taken.forEach(
        (device, b) -> {
          long some = own ? b.kv() / count : b.total() - b.kv();
          long all = own || device.equals(routes.first().home()) ? some : some * count;
          if (!own && problem.stages().compute(device)) {
            // Each has partial results of every micro-batch in flight; the rest is there once.
            long partial = Footprint.partialBytes(problem.shape(), batch.rowsPerPass());
            all = some + (count - 1) * inFlight * partial;
          }
          if (all > 0) {
            bytes.put(device, all);
          }
        });
    return bytes;
  }

  private void addWaiting() {
    long hidden = MemoryUse.hiddenBytes(problem, batch) * batch.microBatches();
    for (var device : structure.waiting) {
      waiting.add(
          new OfWaiting(
              variable("waiting@" + device, 1),
              device,
              WaitingWork.of(structure.resources, typical, device, batch.microBatches()),
              Map.of(device, hidden)));
      if (whole) {
        inUnits(waiting.getLast().index(), "waiting@" + device, batch.microBatches());
      }
    }
  }

  private void addWork(Settled settled) {
    for (var region : settled.kv()) {
      fixedWork
          .get(problem.stages().number(region.layers().from()))
          .add(KvWork.of(structure.resources, typical, region));
    }
    settled
        .waiting()
        .forEach(
            w ->
                fixedWork
                    .getFirst()
                    .add(
                        WaitingWork.of(
                            structure.resources, typical, w.device(), w.microBatches())));
  }

  /** Whether weights of a home pass through the host's ring on their way to a gpu. */
  boolean passesHostRing(String home) {
    return !hostRings.isEmpty() && problem.machine().device(home).kind() == DeviceKind.DISK;
  }

  private int whole(String name, double upper) {
    variables.add(new Variable(name, 0, upper, true));
    return variables.size() - 1;
  }

  private int variable(String name, double upper) {
    variables.add(new Variable(name, 0, upper));
    return variables.size() - 1;
  }
}
