package dev.stowage.runtime.host;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceProvider;

/** Opens host memory. */
public final class HostDeviceProvider implements DeviceProvider {
  @Override
  public DeviceKind kind() {
    return DeviceKind.HOST;
  }

  @Override
  public Device open(DeviceSpec spec, DeviceContext context) {
    return new HostDevice(spec, context.kernels());
  }
}
