package dev.stowage.runtime.device;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;

/** Opens devices of one kind; found by {@link java.util.ServiceLoader}. */
public interface DeviceProvider {
  DeviceKind kind();

  /**
   * Opens a device.
   *
   * @throws DeviceException if this machine has no such device, in one line that says what is
   *     missing
   */
  Device open(DeviceSpec spec, DeviceContext context);
}
