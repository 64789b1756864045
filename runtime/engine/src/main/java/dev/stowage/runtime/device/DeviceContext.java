package dev.stowage.runtime.device;

import dev.stowage.runtime.kernel.Kernels;
import java.nio.file.Path;

/**
 * What a device may use of its surroundings.
 *
 * @param base the folder that relative paths of the plan start from
 * @param kernels the host's kernels, which serve one call at a time: only stores that run on the
 *     compute lane may use them
 * @param number which of its kind the device is, from 0: its place among those of the plan's
 *     machine
 */
public record DeviceContext(Path base, Kernels kernels, int number) {
  /** For the first of a kind. */
  public DeviceContext(Path base, Kernels kernels) {
    this(base, kernels, 0);
  }
}
