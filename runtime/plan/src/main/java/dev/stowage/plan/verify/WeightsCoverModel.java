package dev.stowage.plan.verify;

import dev.stowage.plan.Weight;

/**
 * Every row of every matrix of every layer lies on exactly one device, as the model stores it or
 * quantized.
 */
final class WeightsCoverModel implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var stored = index.plan.shape().weightType();
    for (var region : index.plan.weights()) {
      if (region.type() != stored && !region.type().quantized()) {
        findings.add(
            region.weight().word(),
            "kept as %s, but the model stores %s, and only int8 and int4 are made of it",
            region.type().word(),
            stored.word());
      }
    }
    for (var weight : Weight.values()) {
      for (int layer = 0; layer < index.layersOf(weight); layer++) {
        layer(index, findings, weight, layer);
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
