package dev.stowage.runtime.device;

import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.nio.file.Path;

/**
 * What a device may use of its surroundings.
 *
 * @param base the folder that relative paths of the plan start from
 * @param kernels the host's kernels
 * @param pool the host's worker threads; only the compute lane's calls may use it
 */
public record DeviceContext(Path base, Kernels kernels, WorkerPool pool) {}
