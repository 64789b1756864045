package dev.stowage.optimizer;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** What a bound speaks of. */
public sealed interface Thing {
  /** {@code weights}, {@code kv} or {@code activations}: the word of {@code Asked.what}. */
  String word();

  /**
   * Some matrices, in some layers. Shares are shares of their bytes as the model stores them,
   * however they are stored on a device.
   *
   * @param matrices at least one
   * @param layers which instances of matrices that belong to layers; the others are not affected
   */
  record Weights(Set<Weight> matrices, Range layers) implements Thing {
    public Weights {
      if (matrices.isEmpty()) {
        throw new IllegalArgumentException("a bound on no weights");
      }
      matrices = Collections.unmodifiableSet(EnumSet.copyOf(matrices));
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
      return matrices.contains(weight) && (!weight.perLayer() || layers.contains(layer));
    }

    @Override
    public String word() {
      return "weights";
    }
  }

  /** The KV cache at its fullest. */
  record Kv() implements Thing {
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
