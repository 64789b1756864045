package dev.stowage.runtime.kernel;

import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import dev.stowage.runtime.kernel.vector.VectorKernels;
import dev.stowage.runtime.parallel.WorkerPool;

/**
 * The kernels chosen for this process, and why: the reason is for the user to see.
 *
 * @param <K> where they compute
 * @param reason one sentence, for example {@code The module jdk.incubator.vector is present.}
 */
public record KernelSelection<K extends Kernels>(K kernels, String reason) {
  private static final String MODULE = "jdk.incubator.vector";

  /** The fastest kernels this JVM can run; they work on the threads of {@code pool}. */
  public static KernelSelection<HostKernels> best(WorkerPool pool) {
    if (ModuleLayer.boot().findModule(MODULE).isPresent()) {
      return new KernelSelection<>(
          new VectorKernels(pool), "The module " + MODULE + " is present: SIMD kernels.");
    }
    return new KernelSelection<>(
        new ReferenceKernels(),
        "The module "
            + MODULE
            + " is missing, so the slow scalar reference computes. Start Java with --add-modules "
            + MODULE
            + ".");
  }
}
