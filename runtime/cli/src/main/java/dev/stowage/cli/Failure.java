package dev.stowage.cli;

import java.util.Objects;

/** Ends a command: one line for the user, unless what there is to say was printed already. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Exit exit;

  Failure(Exit exit, String line) {
    super(Objects.requireNonNull(line));
    this.exit = exit;
  }

  /** For what diagnostics have explained. */
  Failure(Exit exit) {
    super((String) null);
    this.exit = exit;
  }

  static Failure usage(String line) {
    return new Failure(Exit.USAGE, line);
  }

  static Failure machine(String line) {
    return new Failure(Exit.MACHINE_LACKS, line);
  }

  Exit exit() {
    return exit;
  }
}
