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
    /** Generated tokens of a block over its time, prefill included (FlexGen's measure). */
    record MaximizeThroughput() implements Goal {}

    /** The time of a block, prefill and decode. */
    record MinimizeLatency() implements Goal {}

    /** The bytes set aside on a device. */
    record MinimizePeak(String device) implements Goal {
      public MinimizePeak {
        Objects.requireNonNull(device);
      }
    }
  }
}
