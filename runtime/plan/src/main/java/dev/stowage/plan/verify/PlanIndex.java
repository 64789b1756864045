package dev.stowage.plan.verify;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Section;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A plan, and what its names stand for. */
final class PlanIndex {
  final ExecutablePlan plan;
  private final Map<String, DeviceSpec> devices = new HashMap<>();
  private final Map<String, Buffer> buffers = new HashMap<>();
  private final Map<String, KvRegion> regions = new HashMap<>();
  private Map<Weight, List<List<WeightRegion>>> weights; // by layer, upward in rows; once asked for

  PlanIndex(ExecutablePlan plan) {
    this.plan = plan;
    plan.machine().devices().forEach(device -> devices.put(device.name(), device));
    plan.buffers().forEach(buffer -> buffers.putIfAbsent(buffer.name(), buffer));
    plan.kv().forEach(region -> regions.putIfAbsent(region.name(), region));
  }

  /**
   * Where layers are computed; where the sections make no stages, which {@link StagesInOrder} says,
   * all where the vectors lie.
   */
  Stages stages() {
    return plan.findStages()
        .orElseGet(
            () ->
                Stages.on(
                    hasBuffer("vectors") ? buffer("vectors").device() : "", plan.shape().layers()));
  }

  boolean hasDevice(String name) {
    return devices.containsKey(name);
  }

  boolean hasBuffer(String name) {
    return buffers.containsKey(name);
  }

  boolean hasRegion(String name) {
    return regions.containsKey(name);
  }

  /** A device that {@link NamesResolve} has found. */
  DeviceSpec device(String name) {
    return devices.get(name);
  }

  /** A buffer that {@link NamesResolve} has found. */
  Buffer buffer(String name) {
    return buffers.get(name);
  }

  /** A KV region that {@link NamesResolve} has found. */
  KvRegion region(String name) {
    return regions.get(name);
  }

  /** A matrix's regions in one layer, upward in rows; needs {@link SizesAreBounded}. */
  List<WeightRegion> weights(Weight weight, int layer) {
    if (weights == null) {
      weights = new EnumMap<>(Weight.class);
      for (var each : Weight.values()) {
        var layers = new ArrayList<List<WeightRegion>>();
        for (int i = 0; i < layersOf(each); i++) {
          layers.add(new ArrayList<>());
        }
        weights.put(each, layers);
      }
      for (var region : plan.weights()) {
        for (int i = region.layers().from(); i < region.layers().to(); i++) {
          weights.get(region.weight()).get(i).add(region);
        }
      }
      for (var layers : weights.values()) {
        layers.forEach(l -> l.sort(Comparator.comparingInt(r -> r.rows().from())));
      }
    }
    return weights.get(weight).get(layer);
  }

  /** How many matrices of that name there are. */
  int layersOf(Weight weight) {
    return weight.perLayer() ? plan.shape().layers() : 1;
  }

  /** The steps of a kind, in order. */
  static <S extends Step> List<S> steps(Section section, Class<S> kind) {
    return section.steps().stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  static String where(Section section) {
    return "section " + section.name();
  }
}
