package dev.stowage.runtime.device;

import dev.stowage.plan.DeviceSpec;

/**
 * A device's usable bytes, and what of them is taken: the one place where a plan's promise about
 * memory is kept.
 */
public final class Budget {
  private final DeviceSpec spec;
  private long used;

  public Budget(DeviceSpec spec) {
    this.spec = spec;
  }

  /**
   * Takes bytes.
   *
   * @param purpose what for, in the user's words
   * @throws DeviceException if they do not fit, with all three numbers
   */
  public void take(String purpose, long bytes) {
    if (bytes < 0 || bytes > spec.usableBytes() - used) {
      throw new DeviceException(
          spec.name(),
          "%s needs %d bytes, but %d of the %d usable bytes are taken"
              .formatted(purpose, bytes, used, spec.usableBytes()));
    }
    used += bytes;
  }

  public long used() {
    return used;
  }
}
