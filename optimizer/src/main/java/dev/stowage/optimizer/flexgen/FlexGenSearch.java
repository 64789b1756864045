package dev.stowage.optimizer.flexgen;

import dev.stowage.optimizer.LpModel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.LpOutcome;
import dev.stowage.optimizer.LpSolver;
import dev.stowage.optimizer.flexgen.FlexGenCost.Overlap;
import dev.stowage.optimizer.flexgen.FlexGenPolicy.Shares;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * FlexGen's policy search as released: gpu batches of 1, 2, 3, 4 and then doubled; for each, the
 * number of batches is raised until throughput falls or nothing fits; for each pair a linear
 * program over nine shares, in which all formulas of {@link FlexGenCost} and {@link FlexGenPeaks}
 * are linear.
 */
public final class FlexGenSearch {
  private static final double GIB = 1L << 30;
  private static final int MOST_BATCHES = 1 << 12;
  private static final int SHARES = 9;
  private static final int PREFILL = 9;
  private static final int DECODE = 10;

  private final FlexGenWork work;
  private final FlexGenConstants constants;
  private final Capacities capacities;
  private final boolean compressWeights;
  private final LpSolver solver;

  /** Bytes that FlexGen may use, its safety factors ({@code alpha}) applied. */
  public record Capacities(double gpu, double cpu, double disk) {}

  /** A policy and what it costs, by the released code's overlap. */
  public record Found(FlexGenPolicy policy, FlexGenCost cost) {}

  public FlexGenSearch(
      FlexGenWork work,
      FlexGenConstants constants,
      Capacities capacities,
      boolean compressWeights,
      LpSolver solver) {
    this.work = work;
    this.constants = constants;
    this.capacities = capacities;
    this.compressWeights = compressWeights;
    this.solver = solver;
  }

  /** The best policy of all block shapes; empty where none fits. */
  public Optional<Found> best() {
    Optional<Found> best = Optional.empty();
    for (int size = 1; ; size = size < 4 ? size + 1 : size * 2) {
      var found = bestOf(size);
      if (found.isEmpty()) {
        return best;
      }
      best = better(best, found);
    }
  }

  private Optional<Found> bestOf(int size) {
    Optional<Found> best = Optional.empty();
    for (int batches = 1; batches <= MOST_BATCHES; batches++) {
      var found = at(size, batches);
      if (found.isEmpty() || !better(best, found).equals(found)) {
        return best;
      }
      best = found;
    }
    return best;
  }

  private static Optional<Found> better(Optional<Found> a, Optional<Found> b) {
    return b.isPresent()
            && (a.isEmpty()
                || b.get().cost().throughputTokensPerSecond()
                    > a.get().cost().throughputTokensPerSecond())
        ? b
        : a;
  }

  /** The best shares of one block shape; empty where none fit. */
  public Optional<Found> at(int batchSize, int batches) {
    if (!(solver.solve(model(batchSize, batches)) instanceof LpOutcome.Optimal optimal)) {
      return Optional.empty();
    }
    double[] x = optimal.values();
    var policy =
        new FlexGenPolicy(
            batchSize,
            batches,
            new Shares(x[0], x[1], x[2]),
            new Shares(x[3], x[4], x[5]),
            new Shares(x[6], x[7], x[8]),
            compressWeights);
    return Optional.of(
        new Found(policy, FlexGenCost.of(work, policy, constants, Overlap.RELEASED)));
  }

  private LpModel model(int batchSize, int batches) {
    var variables = new ArrayList<Variable>();
    for (var thing : List.of("w", "c", "h")) {
      for (var device : List.of("g", "c", "d")) {
        // the released planner keeps activations off the disk
        variables.add(
            new Variable(thing + device, 0, thing.equals("h") && device.equals("d") ? 0 : 1));
      }
    }
    variables.add(new Variable("Tpre", 0, Double.POSITIVE_INFINITY));
    variables.add(new Variable("Tgen", 0, Double.POSITIVE_INFINITY));
    var rows = new ArrayList<Row>();
    for (int thing = 0; thing < 3; thing++) {
      int first = 3 * thing;
      rows.add(
          row(
              variables.get(first).name().substring(0, 1) + " is somewhere",
              IntStream.range(first, first + 3).mapToObj(i -> new Term(i, 1)).toList(),
              1,
              1));
    }
    time(
        rows,
        batchSize,
        batches,
        "prefill uploads",
        PREFILL,
        c -> c.prefill().ctog() + c.prefill().dtoc());
    time(
        rows,
        batchSize,
        batches,
        "prefill stores",
        PREFILL,
        c -> c.prefill().gtoc() + c.prefill().ctod());
    time(rows, batchSize, batches, "prefill computes", PREFILL, c -> c.prefill().comp());
    time(
        rows,
        batchSize,
        batches,
        "decode downloads",
        DECODE,
        c -> c.decode().ctog() + c.decode().gtoc());
    time(
        rows,
        batchSize,
        batches,
        "decode reads",
        DECODE,
        c -> c.decode().ctog() + c.decode().dtoc());
    time(
        rows,
        batchSize,
        batches,
        "decode writes",
        DECODE,
        c -> c.decode().ctog() + c.decode().ctod());
    time(
        rows,
        batchSize,
        batches,
        "decode computes",
        DECODE,
        c -> c.decode().ctog() + c.decode().comp());
    memory(rows, batchSize, batches, "gpu prefill", capacities.gpu(), FlexGenPeaks::gpuPrefill);
    memory(rows, batchSize, batches, "gpu decode", capacities.gpu(), FlexGenPeaks::gpuDecode);
    memory(rows, batchSize, batches, "cpu prefill", capacities.cpu(), FlexGenPeaks::cpuPrefill);
    memory(rows, batchSize, batches, "cpu decode", capacities.cpu(), FlexGenPeaks::cpuDecode);
    memory(rows, batchSize, batches, "disk", capacities.disk(), FlexGenPeaks::disk);
    return new LpModel(
        variables, rows, List.of(new Term(PREFILL, 1), new Term(DECODE, work.generate() - 1.0)));
  }

  private void time(
      List<Row> rows,
      int batchSize,
      int batches,
      String name,
      int time,
      ToDoubleFunction<FlexGenCost> seconds) {
    var line =
        line(
            batchSize,
            batches,
            policy ->
                seconds.applyAsDouble(FlexGenCost.of(work, policy, constants, Overlap.RELEASED)));
    var terms = new ArrayList<Term>();
    terms.add(new Term(time, 1));
    for (int i = 0; i < SHARES; i++) {
      terms.add(new Term(i, -line.factors()[i]));
    }
    rows.add(row(name, terms, line.constant(), Double.POSITIVE_INFINITY));
  }

  private void memory(
      List<Row> rows,
      int batchSize,
      int batches,
      String name,
      double capacity,
      ToDoubleFunction<FlexGenPeaks> bytes) {
    var line =
        line(batchSize, batches, policy -> bytes.applyAsDouble(FlexGenPeaks.of(work, policy)));
    var terms = new ArrayList<Term>();
    for (int i = 0; i < SHARES; i++) {
      terms.add(new Term(i, line.factors()[i] / GIB));
    }
    rows.add(row(name, terms, Double.NEGATIVE_INFINITY, (capacity - line.constant()) / GIB));
  }

  /** {@code constant + Σ factor · share}. */
  private record Line(double constant, double[] factors) {}

  /** The line that a formula is, found from its values at policies of whole shares. */
  private Line line(int batchSize, int batches, ToDoubleFunction<FlexGenPolicy> formula) {
    double base = formula.applyAsDouble(whole(batchSize, batches, 0, 0, 0));
    var factors = new double[SHARES];
    for (int device = 1; device < 3; device++) {
      factors[device] = formula.applyAsDouble(whole(batchSize, batches, device, 0, 0)) - base;
      factors[3 + device] = formula.applyAsDouble(whole(batchSize, batches, 0, device, 0)) - base;
      factors[6 + device] = formula.applyAsDouble(whole(batchSize, batches, 0, 0, device)) - base;
    }
    return new Line(base, factors);
  }

  private FlexGenPolicy whole(int batchSize, int batches, int weights, int cache, int hidden) {
    return new FlexGenPolicy(
        batchSize, batches, whole(weights), whole(cache), whole(hidden), compressWeights);
  }

  private static Shares whole(int device) {
    return new Shares(device == 0 ? 1 : 0, device == 1 ? 1 : 0, device == 2 ? 1 : 0);
  }

  private static Row row(String name, List<Term> terms, double lower, double upper) {
    return new Row(name, Row.Kind.DEFINITION, "flexgen", "", terms, lower, upper, List.of());
  }
}
