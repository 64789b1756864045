package dev.stowage.optimizer;

import java.util.List;
import java.util.Objects;

/**
 * What is best.
 *
 * @param first decides
 * @param then decide, one after the other, among answers within a thousandth of the best
 */
public record Objective(Goal first, List<Goal> then) {
  public Objective {
    Objects.requireNonNull(first);
    then = List.copyOf(then);
  }

  /** As many generated tokens a second as possible. */
  public static Objective throughput() {
    return new Objective(new Goal.MaximizeThroughput(), List.of());
  }

  /** One number to push. */
  public sealed interface Goal {
    /** Whether the goal is about time, so that the shape of the batch decides over it. */
    default boolean isTime() {
      return switch (this) {
        case MaximizeThroughput _,
            MinimizeLatency _,
            MaximizePhaseThroughput _,
            MinimizePhaseLatency _ ->
            true;
        case Share _, MinimizePeak _ -> false;
      };
    }

    /** Generated tokens of a block over its time, prefill included (FlexGen's measure). */
    record MaximizeThroughput() implements Goal {}

    /** The time of a block, prefill and decode. */
    record MinimizeLatency() implements Goal {}

    /** Tokens of one phase over its time: prompt tokens, or generated ones after the first. */
    record MaximizePhaseThroughput(Phase phase) implements Goal {
      public MaximizePhaseThroughput {
        Objects.requireNonNull(phase);
      }
    }

    /**
     * The time of one phase: of prefill, until the first token; of decoding, from one token of a
     * sequence to its next.
     */
    record MinimizePhaseLatency(Phase phase) implements Goal {
      public MinimizePhaseLatency {
        Objects.requireNonNull(phase);
      }
    }

    /** The share of a thing's bytes on some devices, as large or as small as possible. */
    record Share(Thing thing, List<String> devices, boolean maximize) implements Goal {
      public Share {
        Objects.requireNonNull(thing);
        devices = List.copyOf(devices);
      }
    }

    /** The bytes set aside on a device. */
    record MinimizePeak(String device) implements Goal {
      public MinimizePeak {
        Objects.requireNonNull(device);
      }
    }
  }
}
