package dev.stowage.compiler.migrate;

import dev.stowage.plan.Asked;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import java.util.function.ToDoubleFunction;

/**
 * A plan's shares by kind of device, with drives of computational storage counted as disks.
 *
 * @param usesCsd whether anything lies on computational storage
 */
public record PlanShares(Split weights, Split cache, Split hidden, boolean usesCsd) {
  /** Parts of one thing, 0..1, that sum to one. */
  public record Split(double gpu, double host, double disk) {}

  /** The shares as the optimizer planned them, before whole rows and sequences. */
  static PlanShares of(ExecutablePlan plan) {
    return of(plan, Asked::planned);
  }

  /** The shares as the plan's whole rows and sequences realise them. */
  public static PlanShares realised(ExecutablePlan plan) {
    return of(plan, Asked::realised);
  }

  private static PlanShares of(ExecutablePlan plan, ToDoubleFunction<Asked> share) {
    boolean csd =
        plan.shares().stream()
            .anyMatch(
                asked ->
                    asked.realised() > 0
                        && plan.machine().device(asked.device()).kind() == DeviceKind.CSD);
    return new PlanShares(
        split(plan, "weights", share), split(plan, "kv", share), hidden(plan, share), csd);
  }

  private static Split hidden(ExecutablePlan plan, ToDoubleFunction<Asked> share) {
    return split(plan, "activations", share);
  }

  private static Split split(ExecutablePlan plan, String what, ToDoubleFunction<Asked> share) {
    double gpu = 0;
    double host = 0;
    double disk = 0;
    for (var asked : plan.shares()) {
      if (asked.what().equals(what)) {
        double part = share.applyAsDouble(asked);
        switch (plan.machine().device(asked.device()).kind()) {
          case GPU -> gpu += part;
          case HOST -> host += part;
          case DISK, CSD -> disk += part;
        }
      }
    }
    double all = gpu + host + disk;
    // where nothing waits, activations are where the compute is
    return all > 0 ? new Split(gpu / all, host / all, disk / all) : new Split(1, 0, 0);
  }
}
