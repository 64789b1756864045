package dev.stowage.gpu;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** GPUs as plans have them. */
final class GpuDevices {
  private GpuDevices() {}

  static ComputeDevice open(long bytes) {
    return open("gpu", 0, bytes);
  }

  /** The GPU of that number. */
  static ComputeDevice open(String name, int number, long bytes) {
    var spec = new DeviceSpec(name, DeviceKind.GPU, bytes, 0, Optional.empty(), false, Map.of());
    var context = new DeviceContext(Path.of("."), new ReferenceKernels(), number);
    return (ComputeDevice) new GpuDeviceProvider().open(spec, context);
  }
}
