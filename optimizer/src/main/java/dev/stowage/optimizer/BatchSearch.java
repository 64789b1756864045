package dev.stowage.optimizer;

import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.Programs.Bounded;
import dev.stowage.optimizer.Programs.Solved;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.Structure;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;

/**
 * Enumerates batch shapes, and the types of the KV cache: first a geometric grid, the most
 * promising by a bound on products and loads first, then steps of shrinking size around the best
 * few of it, for the best of a grid need not be where the best of all shapes is near. Weights are
 * loaded ahead in all of these; that loads take turns instead is tried where nothing else fits, and
 * for the best in the end. Shapes that need more of everything than one that did not fit are
 * skipped, as are those whose bound is worse than the best so far. The rest are bounded by the
 * prices of those that were solved, and solved in the order of that; those that are shown to be
 * worse are put off. The number of linear programs is bounded.
 */
final class BatchSearch {
  /** Shapes of the grid that are looked at together. */
  private static final int TOGETHER = 40;

  /** Shapes of the grid that are looked at after the best of them, of each type of the KV cache. */
  private static final int GRID_LOOKS = 200;

  /** Programs that are solved when refining from the best, the second and the third start ends. */
  private static final List<Integer> REFINED_PROGRAMS = List.of(64, 76, 88);

  private static final int IN_TURN = 4;

  /** Shapes this close to the best count as equally good: the cost model is no finer. */
  private static final double EQUAL = 5e-3;

  /**
   * @param structure of the problem with the KV cache's type decided
   * @param score what the first goal comes to; smaller is better
   */
  record Candidate(
      Structure structure, BatchShape batch, int prefetch, double score, Solved solved) {
    Problem problem() {
      return structure.problem();
    }
  }

  private record Try(Structure structure, BatchShape batch, int prefetch) {
    Bounded program() {
      return new Bounded(Formulation.open(structure, batch, prefetch, Set.of()));
    }
  }

  /** A shape whose score cannot go below what the prices of others say. */
  private final class Looked {
    private final Try what;
    private final Bounded program;
    private double atLeast;

    /** How many of the prices it was held against. */
    private int priced;

    private Looked(Try what, Bounded program) {
      this.what = what;
      this.atLeast = bound(what.batch());
      this.program = program;
    }

    private double atLeast() {
      return atLeast;
    }

    /** Holds it against prices that came since, until one shows more than that. */
    private void raise(double enough) {
      while (priced < prices.size() && atLeast <= enough) {
        double by = score(what.batch(), program.atLeast(prices.get(priced++)));
        atLeast = Math.max(atLeast, by);
      }
    }
  }

  private final Problem problem;
  private final List<Structure> byKvType;
  private final Programs programs;
  private final List<Candidate> found = new ArrayList<>();
  private final List<Try> tooLarge = new ArrayList<>();
  private final List<Looked> putOff = new ArrayList<>();
  private final Set<Try> tried = new HashSet<>();
  private final Map<BatchShape, Double> bounds = new HashMap<>();

  /** Shapes whose programs were made. */
  private int looked;

  /** As many as {@link #looked} said when the best was found. */
  private int lookedAtBest;

  /** Of what was found, in the same order. */
  private final List<DualBound> prices = new ArrayList<>();

  BatchSearch(Problem problem, Programs programs) {
    this.problem = problem;
    this.byKvType =
        problem.kvTypes().stream().map(problem::withKvType).map(Structure::new).toList();
    this.programs = programs;
  }

  /**
   * Whether a placement in fractions exists. Where no throughput is to be reached, fewer sequences
   * need less of everything; where nothing limits time, so do smaller chunks and less prefetch.
   */
  static boolean mayFit(Problem problem, Programs programs) {
    var smallest = problem.withKvType(smallestKvType(problem));
    var search = new BatchSearch(smallest, programs);
    return search.hasThroughput()
        ? search.findsAny()
        : openShapes(smallest).stream()
            .anyMatch(open -> programs.solve(open.model(open.blockTime(), List.of())).isPresent());
  }

  /** The formulation that needs least memory. */
  static Formulation leastDemanding(Problem problem) {
    return openShapes(problem).getFirst();
  }

  /**
   * Formulations of which one can be kept if any of the problem can, the one that needs least
   * memory first.
   *
   * @param problem with one type for the KV cache
   */
  static List<Formulation> openShapes(Problem problem) {
    var search = new BatchSearch(problem, null);
    var structure = search.byKvType.getFirst();
    var least = search.leastDemanding();
    var sizes =
        search.hasThroughput()
            ? geometric(
                problem.workload().sequences(),
                problem.workload().requests().orElse(Integer.MAX_VALUE),
                4)
            : List.of(least.sequences());
    var open = new ArrayList<Formulation>();
    for (int prefetch : search.prefetches().reversed()) {
      for (int sequences : sizes) {
        for (var shape : search.shapesOf(sequences).reversed()) {
          if (search.hasLatency()
              || shape.prefillChunk() == least.prefillChunk()
                  && prefetch == search.prefetches().getLast()) {
            open.add(Formulation.open(structure, shape, prefetch, Set.of()));
          }
        }
      }
    }
    return open;
  }

  /** The one of the types that are allowed for the KV cache that takes the fewest bytes. */
  static ElementType smallestKvType(Problem problem) {
    return problem.kvTypes().stream()
        .min(Comparator.comparingLong(problem.shape()::kvBytesPerToken))
        .orElseThrow();
  }

  private boolean findsAny() {
    searchGrid(true);
    return !found.isEmpty();
  }

  /** Feasible shapes, the best first; of almost equal ones at the top, the smallest block first. */
  List<Candidate> run() {
    searchGrid(false);
    var starts = starts();
    for (int i = 0; i < starts.size(); i++) {
      refine(starts.get(i), REFINED_PROGRAMS.get(i) * byKvType.size());
    }
    loadInTurn();
    return ranked();
  }

  /**
   * Takes up the most promising of what was put off, for its fractions are worse than the best, and
   * yet may do better than a score that others come to in whole units.
   *
   * @return whether there was any
   */
  boolean takeUp(double score) {
    putOff.forEach(off -> off.raise(score));
    var next =
        putOff.stream()
            .filter(off -> off.atLeast() < score)
            .min(Comparator.comparingDouble(Looked::atLeast));
    next.ifPresent(
        off -> {
          putOff.remove(off);
          solve(off);
        });
    return next.isPresent();
  }

  /** What fits of all that was solved, the best first; see {@link #run}. */
  List<Candidate> ranked() {
    var ranked = new ArrayList<>(found);
    ranked.sort(Comparator.comparingDouble(Candidate::score).thenComparing(SIMPLEST));
    if (!ranked.isEmpty()) {
      double best = ranked.getFirst().score(); // negative where a share is maximized
      double limit = best + EQUAL * Math.abs(best);
      var top = ranked.stream().filter(c -> c.score() <= limit).min(SIMPLEST).orElseThrow();
      ranked.remove(top);
      ranked.addFirst(top);
    }
    return ranked;
  }

  /**
   * The allowed shape that needs the least memory: fewest sequences, smallest chunks, most
   * micro-batches.
   */
  BatchShape leastDemanding() {
    int sequences =
        problem.workload().sequences().atLeast(problem.workload().microBatches().from());
    return shape(
        sequences,
        problem.workload().microBatches().atMost(sequences),
        Math.min(problem.workload().prefillChunk().from(), problem.workload().promptTokens()));
  }

  /** All chunks and micro-batches of the grid for one number of sequences. */
  List<BatchShape> shapesOf(int sequences) {
    var shapes = new ArrayList<BatchShape>();
    for (int micro : geometric(problem.workload().microBatches(), sequences, 2)) {
      for (int chunk : chunks()) {
        if (micro <= sequences && fits(sequences, micro, chunk)) {
          shapes.add(shape(sequences, micro, chunk));
        }
      }
    }
    return shapes;
  }

  /** The smallest number of stops loaded ahead; and the least that overlaps, if that is another. */
  List<Integer> prefetches() {
    var choices = new ArrayList<Integer>();
    if (problem.prefetch().last() > 0) {
      choices.add(problem.prefetch().atLeast(1));
    }
    if (problem.prefetch().allows(0)) {
      choices.add(0);
    }
    return choices;
  }

  private static final Comparator<Candidate> SIMPLEST =
      Comparator.<Candidate>comparingInt(c -> c.batch().sequences())
          .thenComparingInt(c -> -c.batch().prefillChunk())
          .thenComparingInt(c -> c.batch().microBatches())
          .thenComparingInt(c -> -c.prefetch());

  /** All shapes of the geometric grid. */
  List<BatchShape> grid() {
    var shapes = new ArrayList<BatchShape>();
    sizes().forEach(size -> shapes.addAll(shapesOf(size)));
    return shapes;
  }

  private List<Integer> sizes() {
    int most = problem.workload().requests().orElse(Integer.MAX_VALUE);
    return geometric(problem.workload().sequences(), most, 2);
  }

  /**
   * @param one whether any shape that fits will do
   */
  private void searchGrid(boolean one) {
    var sizes = sizes();
    var shapes = grid();
    // Halving finds the blocks that do not fit at all before the grid spends programs on them.
    int low = 0;
    int high = sizes.size() - 1;
    for (int middle = high; low < high && !hasLatency(); middle = (low + high + 1) / 2) {
      if (leastFits(sizes.get(middle))) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    shapes.sort(
        Comparator.comparingDouble(this::bound)
            .thenComparingInt(BatchShape::sequences)
            .thenComparingInt(b -> -b.prefillChunk())
            .thenComparingInt(BatchShape::microBatches));
    for (int prefetch : prefetches()) {
      var tries = new ArrayList<Try>();
      for (var shape : shapes) {
        byKvType.forEach(typed -> tries.add(new Try(typed, shape, prefetch)));
      }
      if (one ? findsAnyOf(tries) : attemptAll(tries)) {
        return;
      }
    }
  }

  private boolean findsAnyOf(List<Try> tries) {
    for (var now : tries) {
      if (looked < TOGETHER * byKvType.size() && found.isEmpty()) {
        attempt(now);
      }
    }
    return !found.isEmpty();
  }

  /**
   * @param tries the most promising first
   * @return whether enough of them fit
   */
  private boolean attemptAll(List<Try> tries) {
    for (int from = 0; from < tries.size(); from += TOGETHER) {
      if (looked - lookedAtBest < GRID_LOOKS * byKvType.size()) {
        attemptBest(tries.subList(from, Math.min(from + TOGETHER, tries.size())));
      }
    }
    return found.size() + putOff.size() >= IN_TURN;
  }

  /** The best of the grid; then the best that is cut otherwise; and again. */
  private List<Candidate> starts() {
    var starts = new ArrayList<Candidate>();
    while (starts.size() < REFINED_PROGRAMS.size()) {
      var next = bestOf(shape -> starts.stream().noneMatch(s -> cutAlike(s.batch(), shape)));
      if (next.isEmpty()) {
        return starts;
      }
      starts.add(next.get());
    }
    return starts;
  }

  private static boolean cutAlike(BatchShape one, BatchShape other) {
    return one.microBatches() == other.microBatches() && one.prefillChunk() == other.prefillChunk();
  }

  /** The best of some shapes, of which those are solved that were put off and may be it. */
  private Optional<Candidate> bestOf(Predicate<BatchShape> shapes) {
    while (true) {
      var best =
          found.stream()
              .filter(c -> shapes.test(c.batch()))
              .min(Comparator.comparingDouble(Candidate::score).thenComparing(SIMPLEST));
      double enough = best.map(Candidate::score).orElse(Double.POSITIVE_INFINITY);
      var left = putOff.stream().filter(off -> shapes.test(off.what.batch())).toList();
      left.forEach(off -> off.raise(enough));
      var next = left.stream().min(Comparator.comparingDouble(Looked::atLeast));
      if (next.isEmpty() || next.get().atLeast() >= enough) {
        return best;
      }
      putOff.remove(next.get());
      solve(next.get());
    }
  }

  private void loadInTurn() {
    var byScore = new ArrayList<>(found);
    byScore.sort(Comparator.comparingDouble(Candidate::score).thenComparing(SIMPLEST));
    var tries = new ArrayList<Try>();
    for (var candidate : byScore.subList(0, Math.min(IN_TURN, byScore.size()))) {
      for (int prefetch : prefetches()) {
        tries.add(new Try(candidate.structure(), candidate.batch(), prefetch));
      }
    }
    attemptBest(tries);
  }

  private boolean leastFits(int sequences) {
    var shapes = shapesOf(sequences);
    boolean fits = shapes.isEmpty();
    for (var typed : byKvType) {
      fits = attempt(new Try(typed, shapes.getLast(), prefetches().getLast())) || fits;
    }
    return fits;
  }

  /**
   * @param most programs, in all, after which no more are begun
   */
  private void refine(Candidate start, int mostPrograms) {
    var workload = problem.workload();
    int most = workload.requests().orElse(Integer.MAX_VALUE);
    var centre = start;
    for (int step = Math.max(1, start.batch().sequences() / 2); step >= 1; step /= 2) {
      boolean moved = true;
      while (moved && programs.solved() < mostPrograms) {
        var b = centre.batch();
        var around = new ArrayList<BatchShape>();
        for (int sequences :
            List.of(
                workload.sequences().atMost(Math.min(b.sequences() + step, most)),
                workload.sequences().atLeast(Math.max(1, b.sequences() - step)))) {
          addIfAllowed(around, sequences, b.microBatches(), b.prefillChunk());
        }
        for (int micro :
            List.of(
                b.microBatches() + 1,
                b.microBatches() - 1,
                b.microBatches() * 2,
                b.microBatches() / 2)) {
          addIfAllowed(around, b.sequences(), micro, b.prefillChunk());
          long alike = (long) b.sequences() * micro / b.microBatches();
          addIfAllowed(
              around,
              workload.sequences().atMost((int) Math.min(alike, most)),
              micro,
              b.prefillChunk());
        }
        for (int chunk : List.of(b.prefillChunk() * 2, b.prefillChunk() / 2)) {
          addIfAllowed(
              around,
              b.sequences(),
              b.microBatches(),
              Math.min(workload.prefillChunk().atMost(chunk), workload.promptTokens()));
        }
        var typed = centre.structure();
        int prefetch = centre.prefetch();
        double here = centre.score();
        int before = found.size();
        attemptBest(
            around.stream().map(shape -> new Try(typed, shape, prefetch)).toList(),
            () -> Math.max(unequal(), Math.min(here, bestSince(before))));
        var next = centre;
        for (var shape : around) {
          next =
              found.stream()
                  .filter(
                      c ->
                          c.structure() == typed
                              && c.batch().equals(shape)
                              && c.prefetch() == prefetch)
                  .filter(betterThan(next))
                  .findFirst()
                  .orElse(next);
        }
        moved = next != centre;
        centre = next;
      }
    }
  }

  private static Predicate<Candidate> betterThan(Candidate best) {
    return candidate -> candidate.score() < best.score();
  }

  private void addIfAllowed(List<BatchShape> shapes, int sequences, int micro, int chunk) {
    if (problem.workload().microBatches().allows(micro)
        && micro >= 1
        && micro <= sequences
        && fits(sequences, micro, chunk)) {
      shapes.add(shape(sequences, micro, chunk));
    }
  }

  /** Solves a shape unless it cannot help; whether it is known to be feasible. */
  private boolean attempt(Try now) {
    if (tried.contains(now)) {
      return found.stream()
          .anyMatch(
              c ->
                  c.structure() == now.structure()
                      && c.batch().equals(now.batch())
                      && c.prefetch() == now.prefetch());
    }
    if (!mayHelp(now)) {
      return false;
    }
    looked++;
    return solve(new Looked(now, now.program()));
  }

  /** Solves shapes that may help, the most promising first, and puts off what is worse. */
  private void attemptBest(List<Try> tries) {
    attemptBest(tries, this::unequal);
  }

  private void attemptBest(List<Try> tries, DoubleSupplier limit) {
    var these = tries.stream().filter(this::mayHelp).toList();
    looked += these.size();
    var programs = these.parallelStream().map(Try::program).toList(); // of what never changes
    var shapes = new ArrayList<Looked>();
    for (int i = 0; i < these.size(); i++) {
      shapes.add(new Looked(these.get(i), programs.get(i)));
    }
    solveBest(shapes, limit);
  }

  /** Whether nothing shows yet that a shape was looked at, does not fit or is not the best. */
  private boolean mayHelp(Try now) {
    if (!tried.add(now) || isTooLarge(now)) {
      return false;
    }
    if (!roughlyFits(now.structure(), now.batch(), now.prefetch())) {
      tooLarge.add(now);
      return false;
    }
    return best().isEmpty() || bound(now.batch()) <= best().get().score();
  }

  private boolean isTooLarge(Try now) {
    return tooLarge.stream().anyMatch(known -> needsMore(now, known));
  }

  /**
   * Solves shapes in the order of what their scores cannot go below, as prices of one bound the
   * others; those that stay above a limit are put off.
   */
  private void solveBest(List<Looked> shapes, DoubleSupplier limit) {
    var left = new ArrayList<>(shapes);
    while (!left.isEmpty()) {
      double far = limit.getAsDouble();
      left.forEach(shape -> shape.raise(far));
      var next = left.stream().min(Comparator.comparingDouble(Looked::atLeast)).orElseThrow();
      if (next.atLeast() > far) {
        putOff.addAll(left);
        return;
      }
      left.remove(next);
      solve(next);
    }
  }

  private boolean solve(Looked now) {
    var what = now.what;
    if (isTooLarge(what)) {
      return false;
    }
    var solved = programs.first(now.program.formulation());
    if (solved.isEmpty()) {
      tooLarge.add(what);
      return false;
    }
    double score = score(what.batch(), solved.get().value());
    found.add(new Candidate(what.structure(), what.batch(), what.prefetch(), score, solved.get()));
    if (best().get() == found.getLast()) {
      lookedAtBest = looked;
    }
    prices.add(DualBound.of(solved.get().rowsOfFirst(), solved.get().first().duals()));
    return true;
  }

  /** The best score of what was found after the first so many. */
  private double bestSince(int before) {
    return found.subList(before, found.size()).stream()
        .mapToDouble(Candidate::score)
        .min()
        .orElse(Double.POSITIVE_INFINITY);
  }

  /** A score from which on others do not count as equal to the best so far. */
  private double unequal() {
    return best()
        .map(best -> best.score() + EQUAL * Math.abs(best.score()))
        .orElse(Double.POSITIVE_INFINITY);
  }

  private Optional<Candidate> best() {
    return found.stream().min(Comparator.comparingDouble(Candidate::score));
  }

  /** Whether a shape needs at least as much of everything as one that did not fit. */
  private boolean needsMore(Try now, Try known) {
    boolean sameCut =
        now.batch().microBatches() == known.batch().microBatches()
            && now.batch().prefillChunk() == known.batch().prefillChunk();
    boolean coarser =
        !hasLatency()
            && now.batch().sequencesPerMicroBatch() >= known.batch().sequencesPerMicroBatch()
            && now.batch().rowsPerPass() >= known.batch().rowsPerPass();
    return now.structure() == known.structure()
        && !hasThroughput()
        && now.batch().sequences() >= known.batch().sequences()
        && now.prefetch() >= known.prefetch()
        && (sameCut || coarser);
  }

  /** Whether the bytes no placement avoids fit, on the compute device and in all. */
  private boolean roughlyFits(Structure structure, BatchShape batch, int prefetch) {
    var typed = structure.problem();
    var fixed = MemoryUse.of(typed, batch, prefetch, List.of(), List.of(), List.of());
    for (var device : typed.machine().devices()) {
      if (fixed.on(device.name()).total() > device.usableBytes()) {
        return false;
      }
    }
    double all = typed.machine().devices().stream().mapToDouble(d -> d.usableBytes()).sum();
    double kv =
        (double) typed.shape().kvBytesPerToken(typed.kvType()) * batch.tokens() * batch.sequences();
    return kv + structure.leastMatrixBytes() <= all;
  }

  private boolean hasLatency() {
    return problem.bounds().levels().stream().anyMatch(Bounds.ServiceLevel::isTime);
  }

  /** Whether a larger block may keep what a smaller one cannot. */
  private boolean hasThroughput() {
    return problem.bounds().levels().stream()
        .anyMatch(Bounds.ServiceLevel.Throughput.class::isInstance);
  }

  /** What the value of the first goal counts for where shapes are compared. */
  double score(BatchShape batch, double value) {
    return switch (problem.objective().first()) {
      case Goal.MaximizeThroughput() ->
          value / ((double) batch.sequences() * batch.generateTokens());
      case Goal.MaximizePhaseThroughput _ -> value / batch.sequences();
      case Goal.MinimizeLatency _, Goal.MinimizePhaseLatency _, Goal.Share _, Goal.MinimizePeak _ ->
          value;
    };
  }

  /** What the score of a shape cannot go below. */
  double bound(BatchShape batch) {
    return switch (problem.objective().first()) {
      case Goal.MaximizeThroughput _, Goal.MinimizeLatency _ ->
          bounds.computeIfAbsent(
              batch,
              shape ->
                  score(
                      shape,
                      1e3 * byKvType.getFirst().lowerBound(problem.workload().typical(shape))));
      case Goal.MaximizePhaseThroughput _,
          Goal.MinimizePhaseLatency _,
          Goal.Share _,
          Goal.MinimizePeak _ ->
          0;
    };
  }

  /** Chunks from the whole prompt down, by quarters; the smallest allowed last. */
  private List<Integer> chunks() {
    var choices = problem.workload().prefillChunk();
    int prompt = problem.workload().promptTokens();
    if (choices.from() >= prompt) {
      return List.of(prompt);
    }
    var chunks = new TreeSet<Integer>(Comparator.reverseOrder());
    for (int chunk = prompt; chunk > choices.from(); chunk /= 4) {
      chunks.add(
          Math.min(
              prompt, choices.last() >= chunk ? wholeOr(choices, chunk, prompt) : choices.last()));
    }
    chunks.add(choices.from());
    return List.copyOf(chunks);
  }

  private static int wholeOr(Choices choices, int chunk, int prompt) {
    return chunk == prompt ? prompt : choices.atMost(chunk);
  }

  private static List<Integer> geometric(Choices choices, int most, int factor) {
    var values = new TreeSet<Integer>();
    int last = Math.max(choices.from(), choices.atMost(most));
    for (long value = choices.from(); value < last; value *= factor) {
      values.add(choices.atMost((int) value));
    }
    values.add(last);
    return List.copyOf(values);
  }

  /** Whether byte counts of such a shape stay far from overflow. */
  private boolean fits(int sequences, int micro, int chunk) {
    double rows = ((double) sequences + micro) * chunk;
    double widest = Math.max(problem.shape().vocabulary(), 4.0 * problem.shape().ffn());
    return rows <= Integer.MAX_VALUE && rows * widest < 1e17;
  }

  private BatchShape shape(int sequences, int micro, int chunk) {
    return new BatchShape(
        sequences,
        micro,
        problem.workload().promptTokens(),
        problem.workload().generateTokens(),
        chunk,
        problem.workload().staggered());
  }
}
