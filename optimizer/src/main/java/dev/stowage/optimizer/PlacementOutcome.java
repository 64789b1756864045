package dev.stowage.optimizer;

import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.plan.BatchShape;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** How a search for a placement ends. */
public sealed interface PlacementOutcome {
  /** The best placement found. */
  record Placed(Placement placement) implements PlacementOutcome {
    public Placed {
      Objects.requireNonNull(placement);
    }
  }

  /**
   * No placement keeps all bounds.
   *
   * @param at the least demanding batch shape that is allowed; the conflicts are about it
   * @param conflicts what must give way, each for itself; at least one
   */
  record Infeasible(BatchShape at, List<Conflict> conflicts) implements PlacementOutcome {
    public Infeasible {
      Objects.requireNonNull(at);
      conflicts = List.copyOf(conflicts);
      if (conflicts.isEmpty()) {
        throw new IllegalArgumentException("infeasible without a conflict");
      }
    }
  }

  /** The solver reached no answer. */
  record GaveUp(String reason) implements PlacementOutcome {
    public GaveUp {
      Objects.requireNonNull(reason);
    }
  }

  /**
   * A limit that cannot be kept.
   *
   * @param row its name in the user's words: {@code memory(t4)}, {@code peak(ram)}, {@code
   *     latency(block)}, or a share such as {@code kv on t4}
   * @param resource the device, or {@code block}
   * @param unit of {@code needed} and {@code allowed}
   * @param needed what the least violating placement takes
   * @param allowed what there is
   * @param parts of {@code needed} where that is bytes
   * @param limits what cannot be kept together, though the others could if any one of them gave
   *     way: statements, the limit's own first, then the batch, then what devices can hold
   */
  record Conflict(
      String row,
      String resource,
      Unit unit,
      double needed,
      double allowed,
      Optional<MemoryUse.Bytes> parts,
      List<Limit> limits) {
    public Conflict {
      Objects.requireNonNull(row);
      Objects.requireNonNull(resource);
      Objects.requireNonNull(unit);
      Objects.requireNonNull(parts);
      limits = List.copyOf(limits);
    }

    /** The statements among the limits; none where the machine is too small for the model. */
    public List<Source> sources() {
      return limits.stream()
          .filter(Limit.Statement.class::isInstance)
          .map(limit -> ((Limit.Statement) limit).source())
          .toList();
    }

    /** By how much the limit is missed, in its unit; positive. */
    public double amount() {
      return Math.abs(needed - allowed);
    }
  }

  /** What a conflict is counted in. */
  enum Unit {
    BYTES,
    SECONDS,
    /** 0..1 of the thing's bytes. */
    SHARE,
    /** Loss of quality, in the unit of the author's budget. */
    LOSS
  }
}
