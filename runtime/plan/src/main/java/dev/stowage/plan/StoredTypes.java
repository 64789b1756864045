package dev.stowage.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How a model's files store its matrices: most as one type, some, of some layers, as others.
 *
 * @param common what is stored as nothing else
 * @param others in the order of matrices, then layers; disjoint, as long as they can be, and none
 *     of the common type, so that equal types are equal values
 */
public record StoredTypes(ElementType common, List<Other> others) {
  /** A matrix that some layers store as another type; layers are {@code 0..1} where it has none. */
  public record Other(Weight weight, Range layers, ElementType type) {
    public Other {
      Objects.requireNonNull(weight);
      Objects.requireNonNull(type);
      if (layers.isEmpty()) {
        throw new IllegalArgumentException("no layers of " + weight.word());
      }
    }
  }

  public StoredTypes {
    Objects.requireNonNull(common);
    others = List.copyOf(others);
    Other before = null;
    for (var other : others) {
      if (other.type() == common) {
        throw new IllegalArgumentException(
            "%s is stored as %s like the rest"
                .formatted(other.weight().word(), other.type().word()));
      }
      if (before != null && !follows(before, other)) {
        throw new IllegalArgumentException(
            "layers %s of %s must follow layers %s of %s, and differ"
                .formatted(
                    other.layers(),
                    other.weight().word(),
                    before.layers(),
                    before.weight().word()));
      }
      before = other;
    }
  }

  private static boolean follows(Other before, Other other) {
    if (before.weight() != other.weight()) {
      return before.weight().compareTo(other.weight()) < 0;
    }
    int end = before.layers().to();
    return other.layers().from() > end
        || other.layers().from() == end && other.type() != before.type();
  }

  /** All matrices of one type. */
  public static StoredTypes all(ElementType type) {
    return new StoredTypes(type, List.of());
  }

  /**
   * Types found matrix by matrix; the one with the most bytes is the common one.
   *
   * @param types the type of every layer, or of the only one
   * @param rowNumbers rows times columns of each matrix
   */
  public static StoredTypes of(Map<Weight, List<ElementType>> types, Map<Weight, Long> rowNumbers) {
    var bytes = new EnumMap<ElementType, Double>(ElementType.class);
    types.forEach(
        (weight, byLayer) ->
            byLayer.forEach(
                type ->
                    bytes.merge(
                        type, (double) rowNumbers.get(weight) * type.rowBytes(256), Double::sum)));
    var common =
        bytes.entrySet().stream()
            .max(Comparator.comparingDouble(Map.Entry::getValue))
            .orElseThrow(() -> new IllegalArgumentException("no matrices"))
            .getKey();
    var others = new ArrayList<Other>();
    for (var weight : Weight.values()) {
      var byLayer = types.getOrDefault(weight, List.of());
      int from = 0;
      for (int layer = 1; layer <= byLayer.size(); layer++) {
        var type = byLayer.get(from);
        if (layer == byLayer.size() || byLayer.get(layer) != type) {
          if (type != common) {
            others.add(new Other(weight, new Range(from, layer), type));
          }
          from = layer;
        }
      }
    }
    return new StoredTypes(common, others);
  }

  /**
   * The type of a matrix.
   *
   * @param layer 0 for a matrix that belongs to no layer
   */
  public ElementType of(Weight weight, int layer) {
    int from = 0;
    int to = others.size();
    while (from < to) {
      int middle = (from + to) >>> 1;
      var other = others.get(middle);
      int order = other.weight().compareTo(weight);
      if (order == 0 && other.layers().contains(layer)) {
        return other.type();
      }
      if (order < 0 || order == 0 && other.layers().to() <= layer) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return common;
  }
}
