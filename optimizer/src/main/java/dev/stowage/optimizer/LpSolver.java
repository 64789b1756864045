package dev.stowage.optimizer;

/** Solves linear programs: the same program gives the same outcome. */
@FunctionalInterface
public interface LpSolver {
  LpOutcome solve(LpModel model);
}
