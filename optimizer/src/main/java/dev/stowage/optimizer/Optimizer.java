package dev.stowage.optimizer;

import dev.stowage.optimizer.BatchSearch.Candidate;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.Placement.Price;
import dev.stowage.optimizer.PlacementOutcome.Infeasible;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.Programs.Solved;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.KvGroup;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Stages;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds where everything lies: {@code search batch shapes → settle whole units → cost them}. The
 * same problem gives the same placement, bit by bit.
 */
public final class Optimizer {
  private static final int MOST_SETTLED = 4;
  private static final int MOST_TAKEN_UP = 40;
  private static final int MOST_CUTS = 64;

  private final LpSolver solver;

  public Optimizer(LpSolver solver) {
    this.solver = solver;
  }

  public PlacementOutcome place(Problem problem) {
    return problem.computing().isEmpty() ? placeStages(problem) : placeCuts(problem);
  }

  /**
   * Looks for a cut of the layers too: the first one that fits, then others near it, by what
   * fractions come to at the shape found; and all layers on one device, if that may be better.
   */
  private PlacementOutcome placeCuts(Problem problem) {
    var first = firstThatFits(problem);
    var outcome = placeStages(problem.withStages(first));
    if (!(outcome instanceof Placed(var start))) {
      return outcome;
    }
    var best = start;
    var cuts = new LinkedHashSet<Stages>();
    cuts.add(climb(problem, start));
    Cuts.whole(problem).stream()
        .filter(cut -> !cut.equals(first))
        .min(Comparator.comparingDouble(cut -> bound(problem, start, cut)))
        .ifPresent(cuts::add);
    cuts.remove(first);
    for (var cut : cuts) {
      if (placeStages(problem.withStages(cut)) instanceof Placed(var other)
          && other.score(problem.objective()) < best.score(problem.objective())) {
        best = other;
      }
    }
    return new Placed(best);
  }

  /**
   * The problem's own cut if a placement in fractions exists, or one near it for which one does.
   */
  private Stages firstThatFits(Problem problem) {
    var seen = new LinkedHashSet<Stages>(List.of(problem.stages()));
    var next = new ArrayDeque<Stages>(seen);
    for (int tried = 0; tried < MOST_CUTS && !next.isEmpty(); tried++) {
      var cut = next.remove();
      if (mayFit(problem.withStages(cut))) {
        return cut;
      }
      Cuts.near(problem, cut, 1).stream().filter(seen::add).forEach(next::add);
    }
    return problem.stages();
  }

  /** Moves layers between neighbours, in steps of shrinking size, as long as that is better. */
  private Stages climb(Problem problem, Placement at) {
    var best = at.stages();
    double least = bound(problem, at, best);
    int tried = 0;
    for (int step = Math.max(1, problem.shape().layers() / 4); step >= 1; step /= 2) {
      boolean moved = true;
      while (moved) {
        moved = false;
        for (var cut : Cuts.near(problem, best, step)) {
          if (tried++ == MOST_CUTS) {
            return best;
          }
          double bound = bound(problem, at, cut);
          if (bound < least * (1 - Programs.SLACK)) {
            least = bound;
            best = cut;
            moved = true;
          }
        }
      }
    }
    return best;
  }

  /** What fractions come to with another cut at a placement's batch shape; infinite if none fit. */
  private double bound(Problem problem, Placement at, Stages cut) {
    return boundAt(problem.withStages(cut), at.batch(), at.kvType(), at.prefetch())
        .orElse(Double.POSITIVE_INFINITY);
  }

  private PlacementOutcome placeStages(Problem problem) {
    var programs = new Programs(solver);
    var search = new BatchSearch(problem, programs);
    var candidates = search.run();
    if (candidates.isEmpty()) {
      return explain(problem, search, new Programs(solver));
    }
    var known = new IdentityHashMap<Candidate, Optional<Settled>>();
    var best = rounded(candidates, programs, known);
    for (int more = 0; more < MOST_TAKEN_UP && search.takeUp(score(best)); more++) {
      candidates = search.ranked();
      best = rounded(candidates, programs, known);
    }
    if (best.isPresent()) {
      return new Placed(
          placement(programs, candidates, best.get().candidate(), best.get().whole()));
    }
    for (var candidate : candidates) {
      var settling = new Settling(candidate, programs);
      var whole = settling.settleTogether().or(settling::settleMixed);
      if (whole.isPresent()) {
        return new Placed(placement(programs, candidates, candidate, whole.get()));
      }
    }
    return new PlacementOutcome.GaveUp(
        programs
            .gaveUp()
            .orElse(
                "a placement in fractions exists, but none in whole rows and %s of the KV cache fits"
                    .formatted(
                        KvGroup.of(problem).stream()
                            .map(group -> group.axis().word())
                            .distinct()
                            .collect(Collectors.joining(" or ")))));
  }

  /**
   * A shape with its placement in whole units.
   *
   * @param loss how many times as long it takes as the fractions
   */
  private record Settled(Candidate candidate, Settling.Whole whole, double loss) {
    /** As {@link Candidate#score}, of the whole units. */
    double score() {
      return candidate.score() * loss;
    }
  }

  /** How a block is cut: shapes of one cut lose alike to rounding. */
  private record Cut(int microBatches, int prefillChunk, ElementType kvType) {
    static Cut of(Candidate candidate) {
      return new Cut(
          candidate.batch().microBatches(),
          candidate.batch().prefillChunk(),
          candidate.problem().kvType());
    }
  }

  /**
   * The best in whole units: where the best shape comes to noticeably less than its fractions, a
   * few others, cut otherwise, whose fractions promise more than that may come to more.
   *
   * @param known what candidates came to already
   */
  private static Optional<Settled> rounded(
      List<Candidate> candidates, Programs programs, Map<Candidate, Optional<Settled>> known) {
    Optional<Settled> best = Optional.empty();
    double bestScore = Double.POSITIVE_INFINITY;
    var settled = new HashSet<Cut>();
    var unsettled = new ArrayList<Candidate>();
    for (var candidate : candidates) {
      if (candidate.score() >= bestScore || settled.size() == MOST_SETTLED) {
        return best;
      }
      var cut = Cut.of(candidate);
      if (settled.contains(cut) || unsettled.stream().anyMatch(u -> needsMore(candidate, u))) {
        continue;
      }
      var here = known.computeIfAbsent(candidate, c -> settled(c, programs));
      if (here.isEmpty()) {
        unsettled.add(candidate);
      } else {
        settled.add(cut);
        if (here.get().score() < bestScore) {
          bestScore = here.get().score();
          best = here;
        }
        if (here.get().loss() <= 1 + Settling.CLOSE) {
          return best;
        }
      }
    }
    return best;
  }

  /** Whether one needs no less of any memory than another that did not come to whole units. */
  private static boolean needsMore(Candidate candidate, Candidate unsettled) {
    var batch = candidate.batch();
    var other = unsettled.batch();
    return candidate.structure() == unsettled.structure()
        && candidate.prefetch() >= unsettled.prefetch()
        && batch.sequences() >= other.sequences()
        && batch.sequencesPerMicroBatch() >= other.sequencesPerMicroBatch()
        && batch.rowsPerPass() >= other.rowsPerPass();
  }

  private static double score(Optional<Settled> best) {
    return best.map(Settled::score).orElse(Double.POSITIVE_INFINITY);
  }

  private static Optional<Settled> settled(Candidate candidate, Programs programs) {
    var settling = new Settling(candidate, programs);
    var whole = settling.settle();
    if (whole.isPresent() && !settling.isClose(whole)) {
      var mixed = settling.settleMixed();
      whole = settling.seconds(mixed) < settling.seconds(whole) ? mixed : whole;
    }
    return whole.map(w -> new Settled(candidate, w, settling.loss(Optional.of(w))));
  }

  /**
   * The best that fractions come to at one batch shape: one linear program.
   *
   * @return the block's seconds; empty where nothing fits
   */
  public OptionalDouble boundAt(
      Problem problem, BatchShape batch, ElementType kvType, int prefetch) {
    var open = Formulation.open(problem.withKvType(kvType), batch, prefetch, Set.of());
    return new Programs(solver)
        .first(open)
        .map(solved -> OptionalDouble.of(solved.boundSeconds()))
        .orElse(OptionalDouble.empty());
  }

  /**
   * Whether a placement in fractions exists: a quick answer, which {@link #place} confirms. It is
   * asked of the fewest sequences that are allowed, or of all where a throughput is to be reached.
   */
  public boolean mayFit(Problem problem) {
    return problem.computing().isEmpty()
        ? BatchSearch.mayFit(problem, new Programs(solver))
        : mayFit(problem.withStages(firstThatFits(problem)));
  }

  /**
   * Searches batch shapes without settling whole units: where the KV cache of the best lies.
   *
   * @return parts of the cache by route, 0..1 of all; empty where nothing fits
   */
  public Map<Routes.Kv, Double> kvOfBest(Problem problem) {
    var candidates = new BatchSearch(problem, new Programs(solver)).run();
    if (candidates.isEmpty()) {
      return Map.of();
    }
    var best = candidates.getFirst();
    var formulation = best.solved().formulation();
    var parts = new LinkedHashMap<Routes.Kv, Double>();
    formulation
        .kvShares(best.solved().last().values())
        .forEach(
            (part, shares) ->
                shares.forEach(
                    (alike, share) -> {
                      double all = share * part.ofAll(problem, best.batch());
                      alike.routes().forEach(r -> parts.merge(r, all / alike.count(), Double::sum));
                    }));
    return parts;
  }

  private static PlacementOutcome explain(Problem problem, BatchSearch search, Programs programs) {
    var conflicts =
        new Conflicts(problem.withKvType(BatchSearch.smallestKvType(problem)), programs).explain();
    return conflicts.isEmpty()
        ? new PlacementOutcome.GaveUp(programs.gaveUp().orElse("no batch shape could be solved"))
        : new Infeasible(search.leastDemanding(), conflicts);
  }

  private static Placement placement(
      Programs programs, List<Candidate> candidates, Candidate candidate, Settling.Whole whole) {
    var problem = candidate.problem();
    var batch = candidate.batch();
    var cost =
        CostModel.evaluate(
            problem,
            problem.workload().typical(batch),
            candidate.prefetch(),
            whole.weights(),
            whole.settled().kv(),
            whole.settled().waiting());
    return new Placement(
        batch,
        problem.stages(),
        problem.kvType(),
        candidate.prefetch(),
        whole.weights(),
        whole.settled().kv(),
        whole.settled().waiting(),
        Shares.of(problem, batch, whole),
        cost.prediction(),
        cost.busy(),
        prices(candidate.solved()),
        candidate.solved().boundSeconds(),
        candidates.stream().map(Optimizer::lookedAt).toList(),
        programs.solved());
  }

  private static Placement.Candidate lookedAt(Candidate candidate) {
    return new Placement.Candidate(
        candidate.batch(),
        candidate.problem().kvType(),
        candidate.prefetch(),
        candidate.solved().boundSeconds());
  }

  private static List<Price> prices(Solved solved) {
    if (!solved.formulation().problem().objective().first().isTime()) {
      return List.of(); // duals are in shares or GiB of the goal, not in seconds
    }
    var prices = new ArrayList<Price>();
    for (int i = 0; i < solved.rowsOfFirst().size(); i++) {
      var row = solved.rowsOfFirst().get(i);
      double dual = solved.first().duals()[i];
      if (row.kind() != Row.Kind.DEFINITION && Math.abs(dual) > 1e-9) {
        boolean time = row.unit().equals("ms");
        prices.add(
            new Price(
                row.name(), time ? dual : dual / 1e3, time ? "s" : row.unit(), row.sources()));
      }
    }
    return prices;
  }
}
