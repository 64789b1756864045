package dev.stowage.optimizer;

import dev.stowage.optimizer.BatchSearch.Candidate;
import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.Programs.Solved;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.KvChoice;
import dev.stowage.optimizer.formulate.KvGroup;
import dev.stowage.optimizer.formulate.KvPart;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.formulate.Settled;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
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

  /** Whole units this close to the fractions are not searched further. */
  static final double CLOSE = 5e-3;

  /** A rounding with what the fractions of weights beside it come to. */
  private record Rounded(Settled settled, double value) {}

  private final Candidate candidate;
  private final Problem problem;
  private final BatchShape batch;
  private final Programs programs;

  Settling(Candidate candidate, Programs programs) {
    this.candidate = candidate;
    this.problem = candidate.problem();
    this.batch = candidate.batch();
    this.programs = programs;
  }

  /**
   * The best of the roundings tried: the nearest one, and those that move units of KV from one used
   * route to another; then the same with the least used route left out, until one is left for each
   * group of layers, for every route needs working memory of its own. It ends where whole units are
   * close to fractions.
   */
  Optional<Whole> settle() {
    return settle(true);
  }

  /** The same with one cut through all tokens: regions are fewer, and need less beside them. */
  Optional<Whole> settleTogether() {
    return settle(false);
  }

  private Optional<Whole> settle(boolean apart) {
    var excluded = new HashSet<KvChoice>();
    Optional<Whole> best = Optional.empty();
    while (true) {
      var planned = planned(apart, excluded, seconds(best) * (1 - Programs.SLACK));
      if (planned.isEmpty()) {
        return best;
      }
      var shares = planned.get().formulation().kvShares(planned.get().last().values());
      var units = Rounding.kv(problem, batch, shares);
      var whole = bestOf(planned.get(), units);
      if (seconds(whole) < seconds(best) * (1 - Programs.SLACK)) {
        best = whole;
      }
      var leastUsed = leastUsed(units);
      if (leastUsed.isEmpty() || isClose(best)) {
        return best;
      }
      excluded.add(leastUsed.get());
    }
  }

  /**
   * @param enough seconds that are of no use: fractions that take so long are not looked at further
   */
  private Optional<Solved> planned(boolean apart, Set<KvChoice> excluded, double enough) {
    if (apart && excluded.isEmpty()) {
      return Optional.of(programs.all(candidate.solved()));
    }
    return programs
        .first(
            Formulation.open(
                candidate.structure(), batch, candidate.prefetch(), apart, Set.copyOf(excluded)))
        .filter(solved -> !isBlock() || solved.value() / 1e3 < enough)
        .map(programs::all);
  }

  /**
   * Whole units by a mixed program: where rounding leads nowhere, or not close to the fractions.
   * Weights stay fractions in it and are rounded after.
   */
  Optional<Whole> settleMixed() {
    return settleMixed(true).or(() -> settleMixed(false));
  }

  private Optional<Whole> settleMixed(boolean apart) {
    for (double part : MARGINS) {
      var margins = margins(part);
      var planned =
          programs.whole(
              Formulation.whole(candidate.structure(), batch, candidate.prefetch(), apart, margins),
              candidate.solved().value());
      if (planned.isPresent()) {
        var formulation = planned.get().formulation();
        var values = planned.get().last().values();
        var units = Rounding.kv(problem, batch, formulation.kvShares(values));
        var waiting = Rounding.waiting(batch, formulation.waitingShares(values));
        var whole =
            round(
                candidate.solved(), new Settled(Rounding.regions(problem, batch, units), waiting));
        if (whole.isPresent()) {
          return whole;
        }
      }
    }
    return Optional.empty();
  }

  /** Units by group of layers and route. */
  private static Map<KvChoice, Integer> used(Map<KvPart, Map<Routes.Alike, Integer>> units) {
    var used = new LinkedHashMap<KvChoice, Integer>();
    units.forEach(
        (part, byRoute) ->
            byRoute.forEach(
                (routes, n) -> used.merge(new KvChoice(part.group(), routes), n, Integer::sum)));
    return used;
  }

  /** What holds the least of the cache, of groups of layers that use several routes. */
  private Optional<KvChoice> leastUsed(Map<KvPart, Map<Routes.Alike, Integer>> units) {
    var used = used(units);
    return used.keySet().stream()
        .filter(c -> used.keySet().stream().filter(o -> o.group().equals(c.group())).count() > 1)
        .min(
            Comparator.comparingDouble(
                c -> (double) used.get(c) * c.group().layers() / units(c.group())));
  }

  /** How many units the KV cache of a group of layers has. */
  private int units(KvGroup group) {
    return new KvPart(group, Range.upTo(batch.tokens())).units(problem, batch);
  }

  /** Whether whole units take hardly longer than fractions. */
  boolean isClose(Optional<Whole> whole) {
    return isBlock() && loss(whole) <= 1 + CLOSE;
  }

  /** How many times as long whole units take as fractions; 1 where the goal is not the block. */
  double loss(Optional<Whole> whole) {
    return isBlock() ? seconds(whole) * 1e3 / candidate.solved().value() : 1;
  }

  private boolean isBlock() {
    return switch (problem.objective().first()) {
      case Goal.MaximizeThroughput _, Goal.MinimizeLatency _ -> true;
      case Goal.MaximizePhaseThroughput _,
          Goal.MinimizePhaseLatency _,
          Goal.Share _,
          Goal.MinimizePeak _ ->
          false;
    };
  }

  private Optional<Whole> bestOf(Solved planned, Map<KvPart, Map<Routes.Alike, Integer>> nearest) {
    var waiting =
        Rounding.waiting(batch, planned.formulation().waitingShares(planned.last().values()));
    var first = round(planned, new Settled(Rounding.regions(problem, batch, nearest), waiting));
    if (isClose(first)) {
      return first;
    }
    double enough = seconds(first) * (1 - Programs.SLACK);
    var others = new ArrayList<Rounded>();
    for (var units : roundings(nearest)) {
      var settled = new Settled(Rounding.regions(problem, batch, units), waiting);
      programs
          .first(formulation(settled, 0))
          .filter(solved -> atLeast(solved, settled) < enough)
          .ifPresent(s -> others.add(new Rounded(settled, s.value() * (1 + missedKv(settled)))));
    }
    others.sort(Comparator.comparingDouble(Rounded::value));
    for (var other : others) {
      var whole = round(planned, other.settled());
      if (whole.isPresent()) {
        return seconds(whole) < enough ? whole : first;
      }
    }
    return first;
  }

  /** What {@link #seconds} cannot go below where weights are rounded beside what is settled. */
  private double atLeast(Solved weights, Settled settled) {
    return isBlock() ? weights.boundSeconds() * (1 + missedKv(settled)) : 0;
  }

  private Formulation formulation(Settled settled, double margin) {
    return Formulation.settled(
        candidate.structure(), batch, candidate.prefetch(), settled, margins(margin));
  }

  private Optional<Whole> round(Solved planned, Settled settled) {
    for (double part : MARGINS) {
      var solved = programs.all(formulation(settled, part));
      if (solved.isEmpty()) {
        return Optional.empty(); // nor is there more room with a larger margin
      }
      var program = solved.get();
      var weights =
          Rounding.weights(
              candidate.structure().resources(),
              batch,
              candidate.prefetch(),
              program.formulation().weightShares(program.last().values()),
              settled);
      if (weights.isPresent()) {
        return Optional.of(new Whole(planned, program, settled, weights.get()));
      }
    }
    return Optional.empty();
  }

  /** The block's seconds, longer where preferences are missed; infinite where nothing fits. */
  double seconds(Optional<Whole> whole) {
    return whole.map(w -> blockSeconds(w) * (1 + missed(w))).orElse(Double.POSITIVE_INFINITY);
  }

  private double blockSeconds(Whole whole) {
    return CostModel.evaluate(
            candidate.structure().resources(),
            problem.workload().typical(batch),
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
    return missed(whole.settled(), whole.weights(), problem.bounds().preferences());
  }

  /** The same of what is settled before the weights are. */
  private double missedKv(Settled settled) {
    return missed(
        settled,
        List.of(),
        problem.bounds().preferences().stream()
            .filter(p -> !(p.thing() instanceof Thing.Weights))
            .toList());
  }

  private double missed(
      Settled settled, List<WeightRegion> weights, List<Bounds.Preference> preferences) {
    double sum = 0;
    for (var preference : preferences) {
      double share =
          Shares.realised(problem, settled, weights, preference.thing(), preference.devices());
      double miss = Math.max(preference.atLeast() - share, share - preference.atMost());
      sum += Formulation.MISSED * preference.weight() * Math.max(0, miss);
    }
    return sum;
  }

  /**
   * A step's units moved from any used route to any other. Steps are one unit and a sixteenth of
   * the part of the cache: which tokens a route holds, and so how often they are read, is only
   * known once they are whole.
   */
  private List<Map<KvPart, Map<Routes.Alike, Integer>>> roundings(
      Map<KvPart, Map<Routes.Alike, Integer>> nearest) {
    var all = new LinkedHashSet<Map<KvPart, Map<Routes.Alike, Integer>>>();
    for (var part : nearest.keySet()) {
      var routes = nearest.get(part);
      int many = Math.max(1, part.units(problem, batch) / 16);
      for (int step : List.of(1, many)) {
        for (var from : routes.keySet()) {
          for (var to : routes.keySet()) {
            if (!from.equals(to) && routes.get(from) > step && all.size() < MOST_ROUNDINGS - 1) {
              var moved = new LinkedHashMap<>(routes);
              moved.merge(from, -step, Integer::sum);
              moved.merge(to, step, Integer::sum);
              var units = new LinkedHashMap<>(nearest);
              units.put(part, moved);
              if (keepsShares(units)) {
                all.add(units);
              }
            }
          }
        }
      }
    }
    return List.copyOf(all);
  }

  /** Whether every hard bound on KV is kept to within one unit of each group of layers. */
  private boolean keepsShares(Map<KvPart, Map<Routes.Alike, Integer>> units) {
    for (var bound : problem.bounds().shares()) {
      if (bound.thing() instanceof Thing.Kv thing && !keeps(bound, thing, used(units))) {
        return false;
      }
    }
    return true;
  }

  private boolean keeps(Bounds.Share bound, Thing.Kv thing, Map<KvChoice, Integer> used) {
    var groups =
        used.keySet().stream()
            .map(KvChoice::group)
            .distinct()
            .filter(group -> group.within(thing))
            .toList();
    double layers = groups.stream().mapToInt(KvGroup::layers).sum();
    int all = units(groups.getFirst());
    double there = 0;
    double unit = 0;
    for (var group : groups) {
      double weight = group.layers() / layers * all / units(group);
      unit += weight;
      for (var choice : used.keySet()) {
        if (choice.group().equals(group)) {
          long inside =
              choice.routes().routes().stream()
                  .filter(route -> bound.devices().contains(route.home()))
                  .count();
          there += weight * (used.get(choice) * inside / choice.routes().count());
        }
      }
    }
    return there > bound.atLeast() * all - unit && there < bound.atMost() * all + unit;
  }

  /**
   * Part of what rounding every matrix up by a row, and every slab to 64 bytes, can add to a
   * device, at its home and in a ring's slots.
   */
  private Map<String, Long> margins(double part) {
    if (part == 0) {
      return Map.of();
    }
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
      long most = home + (candidate.prefetch() + 1) * slot * Routes.weights(problem).size();
      margins.put(device, (long) (part * most));
    }
    return margins;
  }
}
