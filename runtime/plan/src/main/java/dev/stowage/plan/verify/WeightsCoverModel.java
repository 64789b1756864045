package dev.stowage.plan.verify;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;

/**
 * Every row of every matrix of every layer lies on exactly one device, as the model stores it or
 * quantized.
 */
final class WeightsCoverModel implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    for (var region : index.plan.weights()) {
      stored(index, findings, region);
    }
    for (var weight : Weight.values()) {
      for (int layer = 0; layer < index.layersOf(weight); layer++) {
        layer(index, findings, weight, layer);
      }
    }
  }

  private static void stored(PlanIndex index, Findings findings, WeightRegion region) {
    for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
      var stored = index.plan.shape().type(region.weight(), layer);
      if (region.type() != stored && !ElementType.made().contains(region.type())) {
        findings.add(
            region.weight().word(),
            "kept as %s, but the model stores %s in layer %d, and only int8 and int4 are made of it",
            region.type().word(),
            stored.word(),
            layer);
        return;
      }
      if (region.type() != stored && stored.quantized()) {
        findings.add(
            region.weight().word(),
            "kept as %s, but the model stores %s in layer %d: what is quantized is not quantized again",
            region.type().word(),
            stored.word(),
            layer);
        return;
      }
    }
  }

  private static void layer(PlanIndex index, Findings findings, Weight weight, int layer) {
    var where = weight.perLayer() ? weight.word() + " of layer " + layer : weight.word();
    int row = 0;
    for (var region : index.weights(weight, layer)) {
      if (region.rows().from() > row) {
        findings.add(where, "rows %d..%d lie nowhere", row, region.rows().from());
      } else if (region.rows().from() < row) {
        findings.add(where, "row %d lies twice", region.rows().from());
      }
      row = Math.max(row, region.rows().to());
    }
    int rows = index.plan.shape().rows(weight);
    if (row < rows) {
      findings.add(where, "rows %d..%d lie nowhere", row, rows);
    }
  }
}
