package dev.stowage.cli;

import dev.stowage.runtime.parallel.Cores;
import picocli.CommandLine.Option;

/** How many threads compute. */
final class ThreadOption {
  private static final int MOST = 1024;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute; default: one for every core.")
  private Integer threads;

  int threads() {
    if (threads == null) {
      return Cores.available();
    }
    if (threads < 1 || threads > MOST) {
      throw Failure.usage("--threads takes numbers from 1 to %d".formatted(MOST));
    }
    return threads;
  }
}
