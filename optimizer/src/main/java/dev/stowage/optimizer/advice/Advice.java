package dev.stowage.optimizer.advice;

import dev.stowage.optimizer.LpSolver;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What would make a plan faster, and what else was possible. All gains are in generated tokens a
 * second over a whole block, and of the cost model. It takes many plans to say: it is made on
 * demand only, and what its bounded number of plans did not reach is named.
 *
 * @param throughput of the plan as it is
 * @param purchases what more of each resource brings, the most useful first
 * @param statements what the author's own statements cost, the dearest first
 * @param routes for KV routes that the plan does not use, when they pay
 * @param runnersUp the best plans of another kind, the best first
 * @param leftOut what was not looked at, in words; empty where everything was
 */
public record Advice(
    double throughput,
    List<Purchase> purchases,
    List<StatementCost> statements,
    List<UnusedRoute> routes,
    List<RunnerUp> runnersUp,
    List<String> leftOut) {
  /** By how much of a resource more is asked after. */
  public static final double MORE = 0.10;

  /** Changes smaller than this part of the throughput are finer than plans are searched. */
  public static final double GRAIN = 5e-3;

  public Advice {
    purchases = List.copyOf(purchases);
    statements = List.copyOf(statements);
    routes = List.copyOf(routes);
    runnersUp = List.copyOf(runnersUp);
    leftOut = List.copyOf(leftOut);
  }

  /**
   * About a placement.
   *
   * @param placement the optimizer's answer to the problem
   */
  public static Advice of(Problem problem, Placement placement, LpSolver solver) {
    return new Advising(problem, placement, solver).advice();
  }

  /** Whether a change in throughput is more than the grain of the search. */
  public boolean tells(double gain) {
    return Math.abs(gain) > GRAIN * throughput;
  }

  /**
   * Three gains by 10 % more of one resource: where they differ, the first ones hold for less.
   *
   * @param slope ten per cent at the slope here, the dual's value: the batch shape as it is,
   *     nothing rounded; empty where the program has no slope to this side
   * @param sameShape solved again with the batch shape as it is, nothing rounded
   * @param replanned planned anew in whole units; empty where that was left out
   */
  public record Purchase(
      Resource resource,
      double now,
      OptionalDouble slope,
      OptionalDouble sameShape,
      OptionalDouble replanned) {
    /** The best known of the gains. */
    public double gain() {
      return replanned.orElse(sameShape.orElse(0));
    }
  }

  /**
   * @param gain planned anew without the statement; negative where the plan is slower without it
   */
  public record StatementCost(Source statement, double gain) {}

  /**
   * A place of KV and its attention that the plan does not use.
   *
   * @param words such as {@code KV on csd, attention there}
   * @param governing the rate that decides over it
   * @param factor times that rate, from which a plan uses the route; empty where it does not up to
   *     8 times
   */
  public record UnusedRoute(String words, Resource governing, double now, Optional<Double> factor) {
    public UnusedRoute {
      Objects.requireNonNull(governing);
    }
  }

  /**
   * @param words how it differs from the plan
   */
  public record RunnerUp(String words, double throughput) {}
}
