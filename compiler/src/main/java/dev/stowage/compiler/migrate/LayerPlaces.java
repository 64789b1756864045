package dev.stowage.compiler.migrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.WeightRegion;

/** Where a plan's layers lie. */
final class LayerPlaces {
  private LayerPlaces() {}

  static DeviceKind kind(ExecutablePlan plan, WeightRegion region) {
    return plan.machine().device(region.home()).kind();
  }

  /** Whether all matrices of a layer are on devices of a kind. */
  static boolean whole(ExecutablePlan plan, int layer, DeviceKind kind) {
    return plan.weights().stream()
        .filter(region -> region.weight().perLayer() && region.layers().contains(layer))
        .allMatch(region -> kind(plan, region) == kind);
  }

  /** Bytes of a layer on devices of a kind. */
  static long part(ExecutablePlan plan, int layer, DeviceKind kind) {
    return plan.weights().stream()
        .filter(region -> region.weight().perLayer() && region.layers().contains(layer))
        .filter(region -> kind(plan, region) == kind)
        .mapToLong(region -> region.bytes(plan.shape()) / region.layers().size())
        .sum();
  }
}
