package dev.stowage.maven;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A command for one plan.
 *
 * @param plan the plan's source
 * @param command arguments of the command line
 * @param output the file that the command writes, if it does
 */
record Job(Path plan, List<String> command, Optional<Path> output) {
  Job {
    command = List.copyOf(command);
  }

  /** The plan's lock file. */
  Path lock() {
    return plan.resolveSibling(plan.getFileName() + ".lock");
  }
}
