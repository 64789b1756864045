package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Matrices that are cut alike: all of one group, in some layers, that no bound tells apart.
 *
 * @param name such as {@code mlp}, {@code mlp[0..4]} or {@code attn.q}
 * @param matrices those the model has, in {@link Weight}'s order
 * @param layers {@code 0..1} for matrices that belong to no layer
 * @param types what they may be stored as
 */
public record WeightClass(
    String name, List<Weight> matrices, Range layers, List<ElementType> types) {
  public WeightClass {
    matrices = List.copyOf(matrices);
    types = List.copyOf(types);
  }

  /** What the matrices of a class share: the bounds that speak of them, types and stage. */
  private record Alike(List<Boolean> covered, List<ElementType> types, int stage) {}

  /** The number of the stage that multiplies by them. */
  public int stage(Problem problem) {
    return problem.stages().number(problem.shape(), matrices.getFirst(), layers.from());
  }

  /** Bytes stored as one type. */
  public long bytes(ModelShape shape, ElementType type) {
    return matrices.stream().mapToLong(w -> shape.rows(w) * shape.rowBytes(w, type)).sum()
        * layers.size();
  }

  /** Bytes as the model stores them: what shares are shares of. */
  public long bytes(ModelShape shape) {
    return matrices.stream().mapToLong(w -> shape.bytes(w, layers.from())).sum() * layers.size();
  }

  /** Bytes, as the model stores them, of those matrices and layers that a thing covers. */
  public long bytesWithin(ModelShape shape, Thing.Weights thing) {
    long bytes = 0;
    for (var weight : matrices) {
      for (int layer = layers.from(); layer < layers.to(); layer++) {
        bytes += thing.covers(weight, layer) ? shape.bytes(weight, layer) : 0;
      }
    }
    return bytes;
  }

  /** Whether a bound speaks of this class: it then speaks of all of it. */
  public boolean within(Thing.Weights thing) {
    return thing.covers(matrices.getFirst(), layers.from());
  }

  /** The coarsest classes that all bounds of a problem are made of. */
  public static List<WeightClass> of(Problem problem) {
    var things =
        problem.bounds().things().stream()
            .filter(Thing.Weights.class::isInstance)
            .map(Thing.Weights.class::cast)
            .toList();
    var shape = problem.shape();
    var cuts = new TreeSet<Integer>(List.of(0, shape.layers()));
    for (var thing : things) {
      for (var part : thing.parts()) {
        cuts.add(Math.min(part.layers().from(), shape.layers()));
        cuts.add(Math.min(part.layers().to(), shape.layers()));
      }
    }
    problem.stages().list().forEach(stage -> cuts.add(stage.layers().to()));
    for (var other : shape.stored().others()) {
      if (other.weight().perLayer()) {
        cuts.add(other.layers().from());
        cuts.add(other.layers().to());
      }
    }
    var classes = new ArrayList<WeightClass>();
    for (var group : Weight.Group.values()) {
      boolean layered = group == Weight.Group.ATTENTION || group == Weight.Group.MLP;
      int from = 0;
      for (int to : layered ? cuts.tailSet(1) : new TreeSet<>(List.of(1))) {
        classes.addAll(cut(problem, group, new Range(from, to), layered, things));
        from = to;
      }
    }
    return List.copyOf(classes);
  }

  private static List<WeightClass> cut(
      Problem problem,
      Weight.Group group,
      Range layers,
      boolean layered,
      List<Thing.Weights> things) {
    var shape = problem.shape();
    var present = EnumSet.noneOf(Weight.class);
    for (var weight : Weight.values()) {
      if (weight.group() == group && shape.rows(weight) > 0) {
        present.add(weight);
      }
    }
    var alike = new LinkedHashMap<Alike, List<Weight>>();
    for (var weight : present) {
      var covered = things.stream().map(t -> t.covers(weight, layers.from())).toList();
      var types = problem.types(weight, layers.from());
      int stage = problem.stages().number(shape, weight, layers.from());
      alike.computeIfAbsent(new Alike(covered, types, stage), any -> new ArrayList<>()).add(weight);
    }
    String where = !layered || layers.equals(Range.upTo(shape.layers())) ? "" : "[" + layers + "]";
    return alike.values().stream()
        .map(
            weights ->
                new WeightClass(
                    (alike.size() == 1
                            ? group.name().toLowerCase(java.util.Locale.ROOT)
                            : weights.stream().map(Weight::word).collect(Collectors.joining("+")))
                        + where,
                    weights,
                    layers,
                    problem.types(weights.getFirst(), layers.from())))
        .toList();
  }
}
