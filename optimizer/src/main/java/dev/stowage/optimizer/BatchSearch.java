package dev.stowage.optimizer;

import dev.stowage.optimizer.Objective.Goal;
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
import java.util.function.Predicate;

/**
 * Enumerates batch shapes, and the types of the KV cache: first a geometric grid, the most
 * promising by a bound on compute first, then steps of shrinking size around the best few of it,
 * for the best of a grid need not be where the best of all shapes is near. Weights are loaded ahead
 * in all of these; that loads take turns instead is tried where nothing else fits, and for the best
 * in the end. Shapes that need more of everything than one that did not fit are skipped, as are
 * those whose bound is worse than the best so far; those that the prices of others show to be far
 * from the best are put off. The number of linear programs is bounded.
 */
final class BatchSearch {
  /** Shapes of the grid that are looked at after the best of them. */
  private static final int GRID_LOOKS = 40;

  /** Programs that are solved when refining from the best, the second and the third start ends. */
  private static final List<Integer> REFINED_PROGRAMS = List.of(64, 76, 88);

  private static final int IN_TURN = 4;

  /** Shapes this close to the best count as equally good: the cost model is no finer. */
  private static final double EQUAL = 5e-3;

  /** Shapes this much worse than the best are put off: rounding hardly ever loses more. */
  private static final double FAR = 5e-2;

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

  private record Try(Structure structure, BatchShape batch, int prefetch) {}

  /** A shape whose score cannot go below what the prices of others say. */
  private record PutOff(Try what, double atLeast) {}

  private final Problem problem;
  private final List<Structure> byKvType;
  private final Programs programs;
  private final List<Candidate> found = new ArrayList<>();
  private final List<Try> tooLarge = new ArrayList<>();
  private final List<PutOff> putOff = new ArrayList<>();
  private final Set<Try> tried = new HashSet<>();
  private final Map<BatchShape, Double> bounds = new HashMap<>();

  /** Shapes that were solved or put off. */
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
    for (int i = 0; i < Math.min(starts.size(), REFINED_PROGRAMS.size()); i++) {
      refine(starts.get(i), REFINED_PROGRAMS.get(i) * byKvType.size());
    }
    loadInTurn();
    return ranked();
  }

  /**
   * Takes up what was put off, for its fractions are far from the best, and yet may do better than
   * a score: the most promising first, as many as a grid has looks.
   *
   * @return whether there was any
   */
  boolean takeUp(double score) {
    var later =
        putOff.stream()
            .filter(off -> off.atLeast() < score)
            .sorted(Comparator.comparingDouble(PutOff::atLeast))
            .limit(GRID_LOOKS)
            .toList();
    putOff.removeAll(later);
    later.forEach(off -> solve(off.what()));
    return !later.isEmpty();
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

  /**
   * @param one whether any shape that fits will do
   */
  private void searchGrid(boolean one) {
    int most = problem.workload().requests().orElse(Integer.MAX_VALUE);
    var sizes = new ArrayList<>(geometric(problem.workload().sequences(), most, 2));
    var shapes = new ArrayList<BatchShape>();
    sizes.forEach(size -> shapes.addAll(shapesOf(size)));
    // Halving finds the blocks that do not fit at all before the grid spends programs on them.
    int low = 0;
    int high = sizes.size() - 1;
    while (low < high && !hasLatency()) {
      int middle = (low + high + 1) / 2;
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
      for (var shape : shapes) {
        for (var typed : byKvType) {
          if (one && !found.isEmpty()) {
            return;
          }
          if (looked - lookedAtBest < GRID_LOOKS * byKvType.size()) {
            attempt(typed, shape, prefetch, true);
          }
        }
      }
      if (found.size() >= IN_TURN) {
        return;
      }
    }
  }

  /** The best of the grid; then the best that is cut otherwise; and again. */
  private List<Candidate> starts() {
    var byScore = new ArrayList<>(found);
    byScore.sort(Comparator.comparingDouble(Candidate::score).thenComparing(SIMPLEST));
    var starts = new ArrayList<Candidate>();
    for (var candidate : byScore) {
      if (starts.stream()
          .noneMatch(
              s ->
                  s.batch().microBatches() == candidate.batch().microBatches()
                      && s.batch().prefillChunk() == candidate.batch().prefillChunk())) {
        starts.add(candidate);
      }
    }
    return starts;
  }

  private void loadInTurn() {
    var byScore = new ArrayList<>(found);
    byScore.sort(Comparator.comparingDouble(Candidate::score).thenComparing(SIMPLEST));
    for (var candidate : byScore.subList(0, Math.min(IN_TURN, byScore.size()))) {
      for (int prefetch : prefetches()) {
        attempt(candidate.structure(), candidate.batch(), prefetch, true);
      }
    }
  }

  private boolean leastFits(int sequences) {
    var shapes = shapesOf(sequences);
    boolean fits = shapes.isEmpty();
    for (var typed : byKvType) {
      fits = attempt(typed, shapes.getLast(), prefetches().getLast(), false) || fits;
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
        var next = centre;
        for (var shape : around) {
          if (programs.solved() < mostPrograms) {
            attempt(centre.structure(), shape, centre.prefetch(), true);
          }
          var typed = centre.structure();
          int prefetch = centre.prefetch();
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

  /**
   * Solves a shape unless it cannot help; whether it is known to be feasible.
   *
   * @param mayPutOff whether one that is far from the best is left for later
   */
  private boolean attempt(Structure typed, BatchShape batch, int prefetch, boolean mayPutOff) {
    var now = new Try(typed, batch, prefetch);
    if (!tried.add(now)) {
      return found.stream()
          .anyMatch(
              c -> c.structure() == typed && c.batch().equals(batch) && c.prefetch() == prefetch);
    }
    if (tooLarge.stream().anyMatch(known -> needsMore(now, known))) {
      return false;
    }
    if (!roughlyFits(typed, batch, prefetch)) {
      tooLarge.add(now);
      return false;
    }
    if (best().isPresent() && bound(batch) > best().get().score()) {
      return false;
    }
    looked++;
    var formulation = Formulation.open(typed, batch, prefetch, Set.of());
    if (mayPutOff && isFarFromBest(now, formulation)) {
      return false;
    }
    return solve(now, formulation);
  }

  private void solve(Try later) {
    solve(later, Formulation.open(later.structure(), later.batch(), later.prefetch(), Set.of()));
  }

  private boolean solve(Try now, Formulation formulation) {
    var solved = programs.first(formulation);
    if (solved.isEmpty()) {
      tooLarge.add(now);
      return false;
    }
    var batch = now.batch();
    found.add(
        new Candidate(
            now.structure(),
            batch,
            now.prefetch(),
            score(batch, solved.get().value()),
            solved.get()));
    if (best().get() == found.getLast()) {
      lookedAtBest = looked;
    }
    prices.add(DualBound.of(solved.get().rowsOfFirst(), solved.get().first().duals()));
    return true;
  }

  /** Whether the prices of a shape that was solved show that another is far from the best. */
  private boolean isFarFromBest(Try now, Formulation formulation) {
    if (found.isEmpty()) {
      return false;
    }
    double best = best().get().score();
    double far = best + FAR * Math.abs(best);
    for (int i = prices.size() - 1; i >= 0; i--) {
      double atLeast = score(now.batch(), programs.firstAtLeast(formulation, prices.get(i)));
      if (atLeast > far) {
        putOff.add(new PutOff(now, atLeast));
        return true;
      }
    }
    return false;
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

  private double score(BatchShape batch, double value) {
    return switch (problem.objective().first()) {
      case Goal.MaximizeThroughput() ->
          value / ((double) batch.sequences() * batch.generateTokens());
      case Goal.MaximizePhaseThroughput _ -> value / batch.sequences();
      case Goal.MinimizeLatency _, Goal.MinimizePhaseLatency _, Goal.Share _, Goal.MinimizePeak _ ->
          value;
    };
  }

  /** What the score of a shape cannot go below. */
  private double bound(BatchShape batch) {
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
