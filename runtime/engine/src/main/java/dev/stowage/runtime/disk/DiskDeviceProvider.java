package dev.stowage.runtime.disk;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceProvider;

/** Opens a folder on a disk. */
public final class DiskDeviceProvider implements DeviceProvider {
  @Override
  public DeviceKind kind() {
    return DeviceKind.DISK;
  }

  @Override
  public Device open(DeviceSpec spec, DeviceContext context) {
    return new DiskDevice(spec, context);
  }
}
