package dev.stowage.cli;

/** What the command tells the shell. */
enum Exit {
  GOOD(0),
  BUG(1),
  USAGE(2),
  PLAN_ERRORS(3),
  INFEASIBLE(4),
  EXPECTATION_FAILED(5),
  MACHINE_LACKS(6),
  INTERRUPTED(130);

  private final int code;

  Exit(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}
