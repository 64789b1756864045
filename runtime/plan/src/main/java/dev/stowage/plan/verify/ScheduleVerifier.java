package dev.stowage.plan.verify;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Step;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Says what of a schedule does not suit a plan that {@link PlanVerifier} has accepted. */
public final class ScheduleVerifier {
  private static final int MOST_TURNS = 1 << 22;

  private ScheduleVerifier() {}

  /** What is wrong; nothing if the schedule is one of the plan's legal ones. */
  public static List<Violation> verify(ExecutablePlan plan, Schedule schedule) {
    var findings = new Findings();
    order(plan, schedule.order(), findings);
    rings(plan, schedule.prefetch(), findings);
    lanes(plan, schedule.lanes(), findings);
    writeBack(plan, schedule.writeBack().keySet(), findings);
    if (!schedule.pageable().isEmpty()
        && plan.machine().devices().stream().noneMatch(d -> d.kind() == DeviceKind.GPU)) {
      findings.add("pageable", "the machine has no gpu that copies");
    }
    return findings.violations();
  }

  /** Each micro-batch takes every stop once. */
  private static void order(ExecutablePlan plan, Schedule.Order order, Findings findings) {
    int stops = plan.stops();
    int microBatches = plan.batch().microBatches();
    if ((long) stops * microBatches > MOST_TURNS) {
      findings.add("order", "%d stops of %d micro-batches are too many turns", stops, microBatches);
      return;
    }
    switch (order) {
      case Schedule.Order.ZigZag(), Schedule.Order.RowByRow(), Schedule.Order.Pipeline() -> {}
      case Schedule.Order.Word(var turns) -> {
        var taken = new int[microBatches];
        for (int turn : turns) {
          if (turn < 0 || turn >= microBatches) {
            findings.add("order", "there is no micro-batch %d of %d", turn, microBatches);
            return;
          }
          taken[turn]++;
        }
        for (int i = 0; i < microBatches; i++) {
          if (taken[i] != stops) {
            findings.add("order", "micro-batch %d takes %d of %d stops", i, taken[i], stops);
          }
        }
      }
    }
  }

  /** A stop's weights are in use while the next ones' are loaded. */
  private static void rings(ExecutablePlan plan, int prefetch, Findings findings) {
    var rings = new LinkedHashSet<String>();
    for (var section : plan.sections()) {
      PlanIndex.steps(section, Step.Load.class).forEach(load -> rings.add(load.ring()));
    }
    for (var ring : rings) {
      int slots = plan.buffer(ring).instances();
      if (prefetch >= slots) {
        findings.add(
            "prefetch",
            "%d stops ahead need %d slots, %s has %d",
            prefetch,
            prefetch + 1L,
            ring,
            slots);
      }
    }
  }

  private static void writeBack(ExecutablePlan plan, Set<String> devices, Findings findings) {
    for (var name : devices) {
      var device = plan.machine().find(name);
      if (device.isEmpty()) {
        findings.add("write-back " + name, "the machine has no such device");
      } else if (device.get().kind() != DeviceKind.CSD) {
        findings.add("write-back " + name, "only computational drives gather tokens");
      }
    }
  }

  private static void lanes(ExecutablePlan plan, List<String> lanes, Findings findings) {
    var seen = new HashSet<String>();
    for (var lane : lanes) {
      if (plan.machine().find(lane).isEmpty()) {
        findings.add("lane " + lane, "the machine has no such device");
      } else if (!seen.add(lane)) {
        findings.add("lane " + lane, "the device has two lanes");
      }
    }
  }
}
