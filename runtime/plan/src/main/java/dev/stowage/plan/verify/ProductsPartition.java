package dev.stowage.plan.verify;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A section multiplies every row of its matrices once, all parts of one matrix from one buffer into
 * one: a layer all of a layer's matrices, the sections beside the layers the others.
 */
final class ProductsPartition implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var beside = new ArrayList<Step.Compute>();
    for (var section : index.plan.sections()) {
      var products = products(section);
      if (section.layers().isEmpty()) {
        beside.addAll(products);
      } else {
        check(index.plan.shape(), findings, PlanIndex.where(section), products, true);
      }
    }
    check(index.plan.shape(), findings, "sections beside the layers", beside, false);
  }

  private static List<Step.Compute> products(Section section) {
    return PlanIndex.steps(section, Step.Compute.class).stream()
        .filter(compute -> compute.op() instanceof Op.MatMul)
        .toList();
  }

  private static void check(
      ModelShape shape,
      Findings findings,
      String where,
      List<Step.Compute> products,
      boolean layer) {
    Map<Weight, List<Step.Compute>> byWeight = new EnumMap<>(Weight.class);
    for (var product : products) {
      byWeight.computeIfAbsent(op(product).weight(), w -> new ArrayList<>()).add(product);
    }
    for (var weight : Weight.values()) {
      var parts = byWeight.getOrDefault(weight, List.of());
      if (weight.perLayer() == layer && isMultiplied(shape, weight)) {
        partition(findings, where, weight, parts, shape.rows(weight));
      } else if (!parts.isEmpty()) {
        findings.add(where, "%s is multiplied here, and should not be", weight.word());
      }
    }
  }

  /** Embeddings are looked up; only a tied head multiplies by one. */
  private static boolean isMultiplied(ModelShape shape, Weight weight) {
    return switch (weight) {
      case TOKENS -> shape.tiedHead();
      case POSITIONS -> false;
      case PROJECT_IN, Q, K, V, O, GATE, UP, DOWN, PROJECT_OUT, HEAD -> shape.rows(weight) > 0;
    };
  }

  private static void partition(
      Findings findings, String where, Weight weight, List<Step.Compute> parts, int rows) {
    int row = 0;
    for (var part :
        parts.stream().sorted(Comparator.comparingInt(p -> op(p).rows().from())).toList()) {
      var range = op(part).rows();
      if (range.from() != row) {
        break;
      }
      row = range.to();
      if (!part.reads().equals(parts.getFirst().reads())
          || !part.writes().equals(parts.getFirst().writes())) {
        findings.add(where, "parts of %s have different operands", weight.word());
        return;
      }
    }
    if (row != rows) {
      findings.add(
          where,
          "products of %s do not take its rows 0..%d once each, first at row %d",
          weight.word(),
          rows,
          row);
    }
  }

  private static Op.MatMul op(Step.Compute product) {
    return (Op.MatMul) product.op();
  }
}
