package dev.stowage.gpu;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.DeviceProvider;

/** Opens the GPUs of this machine, in the order in which a plan has them. */
public final class GpuDeviceProvider implements DeviceProvider {
  @Override
  public DeviceKind kind() {
    return DeviceKind.GPU;
  }

  @Override
  public Device open(DeviceSpec spec, DeviceContext context) {
    return switch (Detection.detect()) {
      case Detection.Missing(var reason) -> throw new DeviceException(spec.name(), reason);
      case Detection.Found(int devices, int driver) -> {
        if (context.number() >= devices) {
          throw new DeviceException(
              spec.name(), "this machine has %d GPUs that Stowage can use".formatted(devices));
        }
        yield Opening.open(spec, context.number());
      }
    };
  }

  /** Keeps JCuda's classes, which need a driver to load, away until there is one. */
  private static final class Opening {
    static Device open(DeviceSpec spec, int ordinal) {
      try {
        return GpuDevice.open(spec, ordinal);
      } catch (LinkageError e) {
        throw new DeviceException(spec.name(), "JCuda does not load: " + e.getMessage(), e);
      }
    }
  }
}
