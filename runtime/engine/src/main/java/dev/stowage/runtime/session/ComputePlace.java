package dev.stowage.runtime.session;

import dev.stowage.plan.Stages;
import dev.stowage.runtime.device.ComputeDevice;

/**
 * Where a stage computes.
 *
 * @param gpu null where the host computes
 * @param vectors of its layers
 * @param arrives what brings hidden states from the stage before; null for the first
 * @param leaves what brings them to the stage after; null for the last
 */
record ComputePlace(
    Stages stages,
    String device,
    ComputeDevice gpu,
    Vectors vectors,
    Handover arrives,
    Handover leaves) {
  /** The name of the stage's own buffer of a kind. */
  String own(String buffer) {
    return stages.own(buffer, device);
  }

  /** What kind of buffer a buffer of the stage is: the name that the first stage's has. */
  String kind(String buffer) {
    var suffix = own("");
    return suffix.isEmpty() || !buffer.endsWith(suffix)
        ? buffer
        : buffer.substring(0, buffer.length() - suffix.length());
  }

  boolean hasHead() {
    return device.equals(stages.last());
  }
}
