package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.text.Amount;
import java.util.OptionalLong;

/**
 * Resident bytes of the process beside what was promised.
 *
 * @param before before the plan was loaded
 * @param peak the most since then
 * @param plan what the plan sets aside in host memory
 * @param process what the process itself may hold
 */
record HostMemory(OptionalLong before, OptionalLong peak, long plan, long process) {
  /** Begins to look; where the system does not tell, empty. */
  static OptionalLong begin() {
    ResidentMemory.forgetPeak();
    return ResidentMemory.now();
  }

  static HostMemory end(OptionalLong before, Planned planned) {
    var plan = planned.plan();
    long host =
        plan.machine().devices().stream()
            .filter(device -> device.kind() == DeviceKind.HOST)
            .mapToLong(device -> plan.bytesOn(device.name()))
            .sum();
    long process =
        Footprint.process(plan.shape())
            + (planned.explanation().isPresent() ? Footprint.COMPILING_BYTES : 0);
    return new HostMemory(before, ResidentMemory.peak(), host, process);
  }

  /** What the process should hold at most. */
  long promised() {
    return plan + process;
  }

  /** A line, or nothing where the system does not tell. */
  String human() {
    return peak.isEmpty() || before.isEmpty()
        ? ""
        : Amount.format(
            "the process held at most %s, %.2f of the %s promised: %s that the plan sets aside and %s for the process itself, which held %s before the plan was loaded\n",
            Amount.bytes(peak.getAsLong()),
            (double) peak.getAsLong() / promised(),
            Amount.bytes(promised()),
            Amount.bytes(plan),
            Amount.bytes(process),
            Amount.bytes(before.getAsLong()));
  }

  void json(ObjectNode node) {
    node.put("promised_host_bytes", promised());
    node.put("promised_plan_bytes", plan).put("promised_process_bytes", process);
    before.ifPresent(bytes -> node.put("resident_before_bytes", bytes));
    peak.ifPresent(bytes -> node.put("peak_resident_bytes", bytes));
  }
}
