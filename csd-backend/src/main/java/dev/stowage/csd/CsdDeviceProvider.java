package dev.stowage.csd;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.DeviceProvider;

/** Opens emulated computational storage drives. */
public final class CsdDeviceProvider implements DeviceProvider {
  @Override
  public DeviceKind kind() {
    return DeviceKind.CSD;
  }

  @Override
  public Device open(DeviceSpec spec, DeviceContext context) {
    if (!spec.emulated()) {
      throw new DeviceException(
          spec.name(),
          "this machine has no computational storage drive that Stowage can drive; say 'emulated' in the device's block to have one"
              + " played by software");
    }
    return CsdDevice.emulated(spec, context.base());
  }
}
