package dev.stowage.optimizer;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** What a bound speaks of. */
public sealed interface Thing {
  /** {@code weights}, {@code kv} or {@code activations}: the word of {@code Asked.what}. */
  String word();

  /**
   * Some matrices, in some layers. Shares are shares of their bytes as the model stores them,
   * however they are stored on a device.
   *
   * @param parts that may overlap; at least one
   */
  record Weights(List<Part> parts) implements Thing {
    public Weights {
      parts = List.copyOf(parts);
      if (parts.isEmpty()) {
        throw new IllegalArgumentException("a bound on no weights");
      }
    }

    /** Weights of one part. */
    public Weights(Set<Weight> matrices, Range layers) {
      this(List.of(new Part(matrices, layers)));
    }

    /**
     * Some matrices in some layers.
     *
     * @param matrices at least one
     * @param layers which instances of matrices that belong to layers; the others are not affected
     */
    public record Part(Set<Weight> matrices, Range layers) {
      public Part {
        if (matrices.isEmpty()) {
          throw new IllegalArgumentException("a bound on no weights");
        }
        matrices = Collections.unmodifiableSet(EnumSet.copyOf(matrices));
      }
    }

    /** The matrices of all parts. */
    public Set<Weight> matrices() {
      var matrices = EnumSet.noneOf(Weight.class);
      parts.forEach(part -> matrices.addAll(part.matrices()));
      return matrices;
    }

    /** All matrices of a model. */
    public static Weights all(ModelShape shape) {
      return new Weights(EnumSet.allOf(Weight.class), Range.upTo(shape.layers()));
    }

    /** The matrices of some groups in all layers. */
    public static Weights of(ModelShape shape, Set<Weight.Group> groups) {
      var matrices = EnumSet.noneOf(Weight.class);
      for (var weight : Weight.values()) {
        if (groups.contains(weight.group())) {
          matrices.add(weight);
        }
      }
      return new Weights(matrices, Range.upTo(shape.layers()));
    }

    /** Whether that matrix of that layer is meant. */
    public boolean covers(Weight weight, int layer) {
      return parts.stream()
          .anyMatch(
              part ->
                  part.matrices().contains(weight)
                      && (!weight.perLayer() || part.layers().contains(layer)));
    }

    @Override
    public String word() {
      return "weights";
    }
  }

  /**
   * The KV cache at its fullest.
   *
   * @param layers whose; empty for all of them
   */
  record Kv(List<Range> layers) implements Thing {
    public Kv {
      layers = List.copyOf(layers);
    }

    /** That of all layers. */
    public Kv() {
      this(List.of());
    }

    /** Whether that of a layer is meant. */
    public boolean covers(int layer) {
      return layers.isEmpty() || layers.stream().anyMatch(range -> range.contains(layer));
    }

    @Override
    public String word() {
      return "kv";
    }
  }

  /** The hidden states that wait between passes, one for every micro-batch. */
  record Activations() implements Thing {
    @Override
    public String word() {
      return "activations";
    }
  }
}
