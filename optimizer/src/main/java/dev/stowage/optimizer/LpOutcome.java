package dev.stowage.optimizer;

import java.util.Objects;

/** How solving an {@link LpModel} ends. */
public sealed interface LpOutcome {
  /**
   * A vertex that no other beats. Arrays are this value's own and not to be changed.
   *
   * @param objective the goal's value
   * @param values one for every variable
   * @param duals one for every row: how the objective changes for one more on the binding side
   * @param reducedCosts one for every variable: how much one more unit of it costs
   */
  record Optimal(double objective, double[] values, double[] duals, double[] reducedCosts)
      implements LpOutcome {}

  /**
   * Values of a mixed program that keep all rows, near the best: no prices go with them.
   *
   * @param objective the goal's value
   * @param values one for every variable
   */
  record Found(double objective, double[] values) implements LpOutcome {}

  /** No values keep all rows. */
  record Infeasible() implements LpOutcome {}

  /** The goal can fall without end. */
  record Unbounded() implements LpOutcome {}

  /** The solver stopped for another reason. */
  record GaveUp(String reason) implements LpOutcome {
    public GaveUp {
      Objects.requireNonNull(reason);
    }
  }
}
