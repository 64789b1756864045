package dev.stowage.plan;

import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * One thing a pass does. Operands are names of {@link Buffer}s; a step in a section of layers
 * speaks of the layer at hand.
 */
public sealed interface Step {
  /** What timelines call it, such as {@code matmul mlp.up} and {@code attend kv.inst}. */
  default String label() {
    return switch (this) {
      case Load load -> "load " + load.weight().word();
      case Compute(Op.MatMul(var weight, _), _, _, _) -> "matmul " + weight.word();
      case Compute(Op.Normalize(var norm), _, _, _) -> "normalize " + norm.word();
      case Compute(var op, _, _, _) -> op.getClass().getSimpleName().toLowerCase(Locale.ROOT);
      case Attend attend -> "attend " + attend.region();
      case Append append -> "append " + append.region();
      case Copy copy -> "copy " + copy.from();
    };
  }

  /**
   * Brings rows of a matrix from where they lie to a slot of a ring where they are used.
   *
   * @param type how they are stored there and here
   */
  record Load(Weight weight, Range rows, ElementType type, String from, String ring)
      implements Step {
    public Load {
      Objects.requireNonNull(weight);
      Objects.requireNonNull(type);
      Objects.requireNonNull(from);
      Objects.requireNonNull(ring);
    }
  }

  /** Computes on a device. */
  record Compute(Op op, String at, List<String> reads, String writes) implements Step {
    public Compute {
      Objects.requireNonNull(op);
      Objects.requireNonNull(at);
      Objects.requireNonNull(writes);
      reads = List.copyOf(reads);
    }
  }

  /**
   * Attention of the queries over what a KV region holds of earlier passes, computed at the
   * region's {@link KvRegion#attendAt}; writes a partial result.
   */
  record Attend(String region, String queries, String writes) implements Step {
    public Attend {
      Objects.requireNonNull(region);
      Objects.requireNonNull(queries);
      Objects.requireNonNull(writes);
    }
  }

  /** Stores this pass's keys and values, as far as they belong to a KV region. */
  record Append(String region, String keys, String values) implements Step {
    public Append {
      Objects.requireNonNull(region);
      Objects.requireNonNull(keys);
      Objects.requireNonNull(values);
    }
  }

  /** Copies a whole buffer from one device to another. */
  record Copy(String from, String to) implements Step {
    public Copy {
      Objects.requireNonNull(from);
      Objects.requireNonNull(to);
    }
  }
}
