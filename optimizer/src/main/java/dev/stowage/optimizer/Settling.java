package dev.stowage.optimizer;

import dev.stowage.optimizer.BatchSearch.Candidate;
import dev.stowage.optimizer.Programs.Solved;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.formulate.Settled;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Turns the winning shape's fractions into whole units. Units of the KV cache are coarse, rows of
 * weights are fine: so KV and activations are rounded first, the weights are solved again beside
 * them (with exact bytes and exact work of the regions), and are rounded last.
 */
final class Settling {
  /**
   * @param planned the fractions before rounding
   */
  record Whole(
      Solved planned, Solved settledProgram, Settled settled, List<WeightRegion> weights) {}

  /** Parts of the room for rounding that are kept free, tried until whole rows fit. */
  private static final List<Double> MARGINS = List.of(0.0, 0.25, 1.0);

  private static final int MOST_ROUNDINGS = 9;

  private final Problem problem;
  private final Programs programs;

  Settling(Problem problem, Programs programs) {
    this.problem = problem;
    this.programs = programs;
  }

  /**
   * The best of the roundings tried: the nearest one, and those that move units of KV from one used
   * route to another; then the same with the least used route left out, until one is left, for
   * every route needs working memory of its own.
   */
  Optional<Whole> settle(Candidate candidate) {
    var excluded = new HashSet<Routes.Kv>();
    Optional<Whole> best = Optional.empty();
    while (true) {
      var planned =
          programs.all(
              Formulation.open(
                  problem, candidate.batch(), candidate.prefetch(), Set.copyOf(excluded)));
      if (planned.isEmpty()) {
        return best;
      }
      var shares = planned.get().formulation().kvShares(planned.get().last().values());
      var units = Rounding.kv(problem, candidate.batch(), shares);
      var whole = bestOf(candidate, planned.get(), roundings(candidate.batch(), units));
      if (seconds(candidate, whole) < seconds(candidate, best) * (1 - Programs.SLACK)) {
        best = whole;
      }
      if (units.size() == 1) {
        return best;
      }
      excluded.add(units.keySet().stream().min(Comparator.comparingInt(units::get)).orElseThrow());
    }
  }

  private Optional<Whole> bestOf(
      Candidate candidate, Solved planned, List<Map<Routes.Kv, Integer>> roundings) {
    var waiting =
        Rounding.waiting(
            candidate.batch(), planned.formulation().waitingShares(planned.last().values()));
    Optional<Whole> best = Optional.empty();
    for (var units : roundings) {
      var settled = new Settled(Rounding.regions(problem, candidate.batch(), units), waiting);
      var whole = round(candidate, planned, settled);
      if (seconds(candidate, whole) < seconds(candidate, best) * (1 - Programs.SLACK)) {
        best = whole;
      }
    }
    return best;
  }

  private Optional<Whole> round(Candidate candidate, Solved planned, Settled settled) {
    for (double part : MARGINS) {
      var margins = margins(problem, candidate.prefetch(), part);
      var solved =
          programs.all(
              Formulation.settled(
                  problem, candidate.batch(), candidate.prefetch(), settled, margins));
      if (solved.isPresent()) {
        var program = solved.get();
        var weights =
            Rounding.weights(
                problem,
                candidate.batch(),
                candidate.prefetch(),
                program.formulation().weightShares(program.last().values()),
                settled);
        if (weights.isPresent()) {
          return Optional.of(new Whole(planned, program, settled, weights.get()));
        }
      }
    }
    return Optional.empty();
  }

  /** The block's seconds, longer where preferences are missed; infinite where nothing fits. */
  private double seconds(Candidate candidate, Optional<Whole> whole) {
    return whole
        .map(w -> blockSeconds(candidate, w) * (1 + missed(w)))
        .orElse(Double.POSITIVE_INFINITY);
  }

  private double blockSeconds(Candidate candidate, Whole whole) {
    return CostModel.evaluate(
            problem,
            problem.workload().typical(candidate.batch()),
            candidate.prefetch(),
            whole.weights(),
            whole.settled().kv(),
            whole.settled().waiting())
        .blockSeconds();
  }

  /**
   * What missed preferences count, as a part of the block's time: see {@link Bounds.Preference}.
   */
  private double missed(Whole whole) {
    double sum = 0;
    for (var preference : problem.bounds().preferences()) {
      double share = Shares.realised(problem, whole, preference.thing(), preference.devices());
      double miss = Math.max(preference.atLeast() - share, share - preference.atMost());
      sum += Formulation.MISSED * preference.weight() * Math.max(0, miss);
    }
    return sum;
  }

  /**
   * The nearest rounding first; then a step's units moved from any used route to any other. Steps
   * are one unit and a sixteenth of the cache: which tokens a route holds, and so how often they
   * are read, is only known once they are whole.
   */
  private List<Map<Routes.Kv, Integer>> roundings(
      BatchShape batch, Map<Routes.Kv, Integer> nearest) {
    var all = new LinkedHashSet<Map<Routes.Kv, Integer>>();
    all.add(nearest);
    for (int step : List.of(1, Math.max(1, Rounding.kvUnits(problem, batch) / 16))) {
      for (var from : nearest.keySet()) {
        for (var to : nearest.keySet()) {
          if (!from.equals(to) && nearest.get(from) > step && all.size() < MOST_ROUNDINGS) {
            var moved = new LinkedHashMap<>(nearest);
            moved.merge(from, -step, Integer::sum);
            moved.merge(to, step, Integer::sum);
            if (keepsShares(batch, moved)) {
              all.add(moved);
            }
          }
        }
      }
    }
    return List.copyOf(all);
  }

  /** Whether every hard bound on KV is kept to within one unit. */
  private boolean keepsShares(BatchShape batch, Map<Routes.Kv, Integer> units) {
    int all = Rounding.kvUnits(problem, batch);
    for (var bound : problem.bounds().shares()) {
      if (bound.thing() instanceof Thing.Kv) {
        int there =
            units.entrySet().stream()
                .filter(entry -> bound.devices().contains(entry.getKey().home()))
                .mapToInt(Map.Entry::getValue)
                .sum();
        if (there <= bound.atLeast() * all - 1 || there >= bound.atMost() * all + 1) {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * Part of what rounding every matrix up by a row, and every slab to 64 bytes, can add to a
   * device, at its home and in a ring's slots.
   */
  private static Map<String, Long> margins(Problem problem, int prefetch, double part) {
    ModelShape shape = problem.shape();
    long home = 0;
    long slot = 0;
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        long largest = 0;
        for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
          long row = 0;
          for (var type : problem.types(weight, layer)) {
            row += shape.rowBytes(weight, type) + 64;
          }
          home += row;
          largest = Math.max(largest, row);
        }
        slot += largest;
      }
    }
    var margins = new HashMap<String, Long>();
    for (var device : Routes.weights(problem)) {
      long most = home + (prefetch + 1) * slot * Routes.weights(problem).size();
      margins.put(device, (long) (part * most));
    }
    return margins;
  }
}
