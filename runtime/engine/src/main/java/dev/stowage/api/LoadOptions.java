package dev.stowage.api;

import dev.stowage.runtime.parallel.Cores;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * How a plan is loaded.
 *
 * @param model the model's folder; empty for the one that the plan names, relative to the plan's
 *     file
 * @param scratch a folder for what disks and drives store, one folder in it a device; empty for the
 *     folders that the plan names, relative to its file, and for a plan of the class path a
 *     temporary folder
 * @param threads threads that compute, at least one
 */
public record LoadOptions(Optional<Path> model, Optional<Path> scratch, int threads) {
  public LoadOptions {
    Objects.requireNonNull(model);
    Objects.requireNonNull(scratch);
    if (threads < 1) {
      throw new IllegalArgumentException("threads are 1 or more, not " + threads);
    }
  }

  /** What the plan names, and a thread for every core. */
  public static LoadOptions defaults() {
    return new LoadOptions(Optional.empty(), Optional.empty(), Cores.available());
  }

  /** The same, with the model in that folder. */
  public LoadOptions withModel(Path folder) {
    return new LoadOptions(Optional.of(folder), scratch, threads);
  }

  /** The same, with disks and drives storing in that folder. */
  public LoadOptions withScratch(Path folder) {
    return new LoadOptions(model, Optional.of(folder), threads);
  }

  /** The same, with so many threads. */
  public LoadOptions withThreads(int number) {
    return new LoadOptions(model, scratch, number);
  }
}
