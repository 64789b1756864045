package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.text.Amount;
import java.util.OptionalLong;

/**
 * Resident bytes of the process beside the plan's promise.
 *
 * @param before before the plan was loaded
 * @param peak the most since then
 * @param promised what the plan sets aside in host memory
 */
record HostMemory(OptionalLong before, OptionalLong peak, long promised) {
  /** Begins to look; where the system does not tell, empty. */
  static OptionalLong begin() {
    ResidentMemory.forgetPeak();
    return ResidentMemory.now();
  }

  static HostMemory end(OptionalLong before, ExecutablePlan plan) {
    long promised =
        plan.machine().devices().stream()
            .filter(device -> device.kind() == DeviceKind.HOST)
            .mapToLong(device -> plan.bytesOn(device.name()))
            .sum();
    return new HostMemory(before, ResidentMemory.peak(), promised);
  }

  /** A line, or nothing where the system does not tell. */
  String human() {
    return peak.isEmpty() || before.isEmpty()
        ? ""
        : Amount.format(
            "the process held at most %s, %s of it before the plan was loaded; the plan sets %s of host memory aside\n",
            Amount.bytes(peak.getAsLong()),
            Amount.bytes(before.getAsLong()),
            Amount.bytes(promised));
  }

  void json(ObjectNode node) {
    node.put("promised_host_bytes", promised);
    before.ifPresent(bytes -> node.put("resident_before_bytes", bytes));
    peak.ifPresent(bytes -> node.put("peak_resident_bytes", bytes));
  }
}
