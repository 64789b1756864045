package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Objective;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.cost.Resources;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/** What is the same for all batch shapes of a problem: its resources, classes and routes. */
public final class Structure {
  final Problem problem;
  final Resources resources;
  final List<WeightClass> classes;
  final List<String> weightHomes;

  final List<Routes.Alike> kvRoutes;
  final List<KvGroup> kvGroups;

  final List<String> waiting;
  private final List<Double> productBytes; // of every stage
  private final double leastBytes;

  public Structure(Problem problem) {
    this.problem = problem;
    this.resources = new Resources(problem);
    this.classes = WeightClass.of(problem);
    this.weightHomes = Routes.weights(problem);
    this.kvRoutes = kvRoutes(problem);
    this.kvGroups = KvGroup.of(problem);
    this.waiting = Routes.waiting(problem);
    this.productBytes = CostModel.leastBytesOfStages(problem, true);
    this.leastBytes = CostModel.leastBytes(problem, false);
  }

  public Problem problem() {
    return problem;
  }

  public Resources resources() {
    return resources;
  }

  /** The seconds of a block that no placement of this shape can go below. */
  public double lowerBound(BatchShape batch) {
    return CostModel.lowerBound(resources, batch, productBytes);
  }

  /** The routes of the KV cache. */
  public List<Routes.Alike> kvRoutes() {
    return kvRoutes;
  }

  /** The fewest bytes all matrices may be stored in. */
  public double leastMatrixBytes() {
    return leastBytes;
  }

  /**
   * The parts of the KV cache that are decided for themselves.
   *
   * @param apart whether tokens of prompts and generated ones are two parts
   */
  List<KvPart> parts(BatchShape batch, boolean apart) {
    return apart ? KvPart.apart(kvGroups, batch) : KvPart.whole(kvGroups, batch);
  }

  private static List<Routes.Alike> kvRoutes(Problem problem) {
    var groups = new LinkedHashMap<List<Object>, List<Routes.Kv>>();
    for (var route : Routes.kv(problem)) {
      var device = problem.machine().device(route.home());
      List<Object> alike =
          device.kind() == DeviceKind.CSD
              ? List.of(likeness(problem, device), route.sparsity())
              : List.of(route);
      groups.computeIfAbsent(alike, any -> new ArrayList<>()).add(route);
    }
    return groups.values().stream().map(Routes.Alike::new).toList();
  }

  /** All that tells a drive from another, but for its name and path. */
  private static List<Object> likeness(Problem problem, DeviceSpec device) {
    var likeness = new ArrayList<Object>();
    likeness.add(
        List.of(
            device.kind(),
            device.capacityBytes(),
            device.reserveBytes(),
            device.rates(),
            device.curves()));
    for (var link : problem.machine().links()) {
      if (link.from().equals(device.name())) {
        likeness.add(List.of("to", link.to(), link.bytesPerSecond(), link.latencySeconds()));
      } else if (link.to().equals(device.name())) {
        likeness.add(List.of("from", link.from(), link.bytesPerSecond(), link.latencySeconds()));
      }
    }
    var bounds = problem.bounds();
    String name = device.name();
    bounds.only().forEach(b -> likeness.add(b.devices().contains(name)));
    bounds.shares().forEach(b -> likeness.add(b.devices().contains(name)));
    bounds.preferences().forEach(b -> likeness.add(b.devices().contains(name)));
    bounds
        .attention()
        .forEach(b -> likeness.add(List.of(b.homes().contains(name), b.devices().contains(name))));
    bounds.sparse().forEach(b -> likeness.add(b.homes().contains(name)));
    for (var level : bounds.levels()) {
      likeness.add(level instanceof Bounds.ServiceLevel.Peak peak && peak.device().equals(name));
    }
    likeness.add(speaksOf(problem.objective().first(), name));
    problem.objective().then().forEach(goal -> likeness.add(speaksOf(goal, name)));
    return likeness;
  }

  private static boolean speaksOf(Objective.Goal goal, String name) {
    return switch (goal) {
      case Objective.Goal.MinimizePeak(var device) -> device.equals(name);
      case Objective.Goal.Share(_, var devices, _) -> devices.contains(name);
      case Objective.Goal.MaximizeThroughput _,
          Objective.Goal.MinimizeLatency _,
          Objective.Goal.MaximizePhaseThroughput _,
          Objective.Goal.MinimizePhaseLatency _ ->
          false;
    };
  }
}
