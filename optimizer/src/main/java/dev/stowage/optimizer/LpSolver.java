package dev.stowage.optimizer;

/**
 * Solves linear programs, with {@link LpOutcome.Optimal}, and mixed ones, with {@link
 * LpOutcome.Found}: the same program gives the same outcome.
 */
@FunctionalInterface
public interface LpSolver {
  LpOutcome solve(LpModel model);
}
