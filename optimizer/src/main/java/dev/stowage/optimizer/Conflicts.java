package dev.stowage.optimizer;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.PlacementOutcome.Conflict;
import dev.stowage.optimizer.PlacementOutcome.Unit;
import dev.stowage.optimizer.formulate.Formulation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Says why no placement exists. Some rows get a slack at a price of one a unit; the least total
 * slack is by how much they must give way, and rows with a dual at that point are the statements
 * that force it (they form a Farkas certificate).
 *
 * <p>Asked in this order, so that the answer names the first thing that is wrong on its own: do the
 * author's shares contradict each other? Do they, with all else, exceed memory? Is what remains too
 * slow?
 */
final class Conflicts {
  private static final double TOLERANCE = 1e-7;
  private static final double GIB = 1L << 30;

  private final Programs programs;

  Conflicts(Programs programs) {
    this.programs = programs;
  }

  /**
   * The least that must give way.
   *
   * @param open the least demanding formulation
   * @param faster other formulations of the same size, for limits on time
   * @return empty where the solver found no conflict, for it gave up
   */
  List<Conflict> explain(Formulation open, List<Formulation> faster) {
    var shares = relax(open, Conflicts::limitsShares, Conflicts::limitsMachine);
    if (shares.isEmpty() || !shares.get().isEmpty()) {
      return shares.orElse(List.of());
    }
    var memory = relax(open, Conflicts::limitsMemory, Conflicts::limitsTime);
    if (memory.isEmpty() || !memory.get().isEmpty()) {
      return memory.orElse(List.of());
    }
    var candidates = new ArrayList<>(List.of(open));
    candidates.addAll(faster);
    return candidates.stream()
        .map(formulation -> relax(formulation, Conflicts::limitsTime, row -> false))
        .flatMap(Optional::stream)
        .filter(conflicts -> conflicts.stream().allMatch(c -> c.unit() == Unit.SECONDS))
        .min(
            Comparator.comparingDouble(
                conflicts -> conflicts.stream().mapToDouble(Conflict::amount).sum()))
        .orElse(List.of());
  }

  private static boolean limitsShares(Row row) {
    return row.kind() == Row.Kind.SHARE || row.kind() == Row.Kind.QUALITY;
  }

  private static boolean limitsMemory(Row row) {
    return row.kind() == Row.Kind.CAPACITY
        || row.kind() == Row.Kind.SERVICE_LEVEL && !limitsTime(row);
  }

  private static boolean limitsTime(Row row) {
    return row.kind() == Row.Kind.SERVICE_LEVEL && row.unit().equals("ms");
  }

  private static boolean limitsMachine(Row row) {
    return limitsMemory(row) || limitsTime(row);
  }

  /** A row with the variables by which it may be exceeded, or fallen short of. */
  private record Elastic(int row, int over, int under) {}

  private Optional<List<Conflict>> relax(
      Formulation formulation, Predicate<Row> relaxed, Predicate<Row> dropped) {
    var strict = formulation.model(List.of(), List.of());
    var variables = new ArrayList<>(strict.variables());
    var rows = new ArrayList<Row>();
    var elastic = new ArrayList<Elastic>();
    var price = new ArrayList<Term>();
    for (var row : strict.rows()) {
      if (dropped.test(row)) {
        continue;
      }
      if (!relaxed.test(row)) {
        rows.add(row);
        continue;
      }
      int over = variables.size();
      variables.add(new Variable("over(" + row.name() + ")", 0, Double.POSITIVE_INFINITY));
      variables.add(new Variable("under(" + row.name() + ")", 0, Double.POSITIVE_INFINITY));
      elastic.add(new Elastic(rows.size(), over, over + 1));
      price.add(new Term(over, 1));
      price.add(new Term(over + 1, 1));
      var terms = new ArrayList<>(row.terms());
      terms.add(new Term(over, -1));
      terms.add(new Term(over + 1, 1));
      rows.add(
          new Row(
              row.name(),
              row.kind(),
              row.resource(),
              row.unit(),
              terms,
              row.lower(),
              row.upper(),
              row.sources()));
    }
    return programs
        .solve(new LpModel(variables, rows, price))
        .map(outcome -> conflicts(formulation, rows, elastic, outcome));
  }

  private static List<Conflict> conflicts(
      Formulation formulation, List<Row> rows, List<Elastic> elastic, LpOutcome.Optimal outcome) {
    var conflicts = new ArrayList<Conflict>();
    for (var e : elastic) {
      var row = rows.get(e.row());
      double over = outcome.values()[e.over()];
      double under = outcome.values()[e.under()];
      if (Math.max(over, under) <= TOLERANCE * Math.max(1, scale(row))) {
        continue;
      }
      var sources = new LinkedHashSet<>(row.sources());
      IntStream.range(0, rows.size())
          .filter(i -> Math.abs(outcome.duals()[i]) > 1e-9)
          .forEach(i -> sources.addAll(rows.get(i).sources()));
      conflicts.add(conflict(formulation, row, over, under, List.copyOf(sources)));
    }
    return conflicts;
  }

  private static double scale(Row row) {
    return row.unit().equals("ms") && Double.isFinite(row.upper()) ? Math.abs(row.upper()) : 1;
  }

  private static Conflict conflict(
      Formulation formulation, Row row, double over, double under, List<Source> sources) {
    return switch (row.kind()) {
      case CAPACITY, SERVICE_LEVEL -> {
        if (limitsTime(row)) {
          yield new Conflict(
              row.name(),
              row.resource(),
              Unit.SECONDS,
              (row.upper() + over) / 1e3,
              row.upper() / 1e3,
              sources);
        }
        double allowed = row.upper() * GIB + formulation.fixedBytesOn(row.resource());
        yield new Conflict(
            row.name(),
            row.resource(),
            Unit.BYTES,
            Math.rint(allowed + over * GIB),
            Math.rint(allowed),
            sources);
      }
      case SHARE, QUALITY, DEFINITION -> {
        double limit = over > under ? row.upper() : row.lower();
        yield new Conflict(
            row.name(),
            row.resource(),
            row.kind() == Row.Kind.QUALITY ? Unit.LOSS : Unit.SHARE,
            limit + over - under,
            limit,
            sources);
      }
    };
  }
}
