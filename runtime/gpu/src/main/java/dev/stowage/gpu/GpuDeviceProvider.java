package dev.stowage.gpu;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.DeviceProvider;

/**
 * Opens the GPUs of this machine: {@code gpu[2]} is the third, a name without a number the first.
 */
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
        int ordinal = ordinal(spec.name());
        if (ordinal >= devices) {
          throw new DeviceException(
              spec.name(), "this machine has %d GPUs that Stowage can use".formatted(devices));
        }
        yield Opening.open(spec, ordinal);
      }
    };
  }

  private static int ordinal(String name) {
    int bracket = name.indexOf('[');
    return bracket < 0 ? 0 : Integer.parseInt(name.substring(bracket + 1, name.length() - 1));
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
