package dev.stowage.optimizer;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.LpModel.Variable;
import dev.stowage.optimizer.PlacementOutcome.Conflict;
import dev.stowage.optimizer.PlacementOutcome.Unit;
import dev.stowage.optimizer.formulate.Formulation;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Says why no placement exists, as sets of limits that cannot be kept together though each of them
 * could if any other of its set gave way.
 *
 * <p>A set is found by a deletion filter (Chinneck and Dravnieks, ORSA J. Computing 3, 1991): every
 * limit in turn is let go, and stays away if the rest still cannot be kept. It starts from the
 * limits with a dual in a program whose rows may be missed at a price: a Farkas certificate, which
 * is rarely much larger than the set. Further sets are looked for where the statements of those
 * found are let go. Then one limit of each set is priced, and the least by which it must give way
 * is the amount that is missing.
 *
 * <p>The number of programs is bounded, so that every machine says the same; beyond it, a set may
 * hold more than it must.
 */
final class Conflicts {
  private static final int MOST_SETS = 3;
  private static final int MOST_PROGRAMS = 400;
  private static final double GIB = 1L << 30;

  private final Problem problem;
  private final Programs programs;

  /**
   * @param problem with one type for the KV cache
   */
  Conflicts(Problem problem, Programs programs) {
    this.problem = problem;
    this.programs = programs;
  }

  /**
   * What must give way.
   *
   * @return empty where everything can be kept, or the solver gave up
   */
  List<Conflict> explain() {
    var conflicts = new ArrayList<Conflict>();
    var open = new ArrayList<>(Limit.of(problem));
    while (conflicts.size() < MOST_SETS && mayAsk() && !canBeKept(open)) {
      var set = minimal(open);
      var conflict = measured(parts(set), open);
      if (conflict.isEmpty()) {
        break;
      }
      conflicts.add(conflict.get());
      if (set.stream().allMatch(Limit.Memory.class::isInstance)) {
        break; // the machine is too small for the model, whatever the plan says
      }
      open.removeIf(limit -> !(limit instanceof Limit.Memory) && set.contains(limit));
    }
    return conflicts;
  }

  private boolean mayAsk() {
    return programs.solved() < MOST_PROGRAMS;
  }

  private boolean canBeKept(Collection<Limit> limits) {
    return BatchSearch.mayFit(Limit.only(problem, limits), programs);
  }

  private List<Limit> minimal(List<Limit> all) {
    var certified = certified(all);
    var set = new ArrayList<>(certified.isEmpty() || canBeKept(certified) ? all : certified);
    for (var limit : List.copyOf(set)) {
      var without = new ArrayList<>(set);
      without.remove(limit);
      if (mayAsk() && !canBeKept(without)) {
        set.remove(limit);
      }
    }
    return set;
  }

  /** The same, with one share of a rule in the place of the rule where that is enough. */
  private List<Limit> parts(List<Limit> set) {
    var parts = new ArrayList<>(set);
    for (int i = 0; i < parts.size(); i++) {
      if (parts.get(i) instanceof Limit.Statement whole) {
        for (var share : problem.bounds().shares()) {
          var part = new Limit.Statement(share.source());
          var instead = new ArrayList<>(parts);
          instead.set(i, part);
          if (whole.holds(share.source()) && mayAsk() && !canBeKept(instead)) {
            parts.set(i, part);
            break;
          }
        }
      }
    }
    return parts;
  }

  /** Limits that have a price where everything may be missed, at the least demanding shape. */
  private List<Limit> certified(List<Limit> all) {
    var open = BatchSearch.leastDemanding(Limit.only(problem, all));
    var relaxed = relax(open, row -> row.kind() != Row.Kind.DEFINITION);
    if (relaxed.isEmpty()) {
      return List.of();
    }
    var found = relaxed.get();
    var limits = new ArrayList<Limit>();
    for (var limit : all) {
      boolean priced = limit instanceof Limit.Batch;
      for (int i = 0; i < found.rows().size(); i++) {
        priced |= Math.abs(found.outcome().duals()[i]) > 1e-9 && isOf(limit, found.rows().get(i));
      }
      if (priced) {
        limits.add(limit);
      }
    }
    return limits;
  }

  private static boolean isOf(Limit limit, Row row) {
    return switch (limit) {
      case Limit.Statement said ->
          row.kind() != Row.Kind.DEFINITION && row.sources().stream().anyMatch(said::holds);
      case Limit.Memory(var devices) ->
          row.kind() == Row.Kind.CAPACITY && devices.contains(row.resource());
      case Limit.Batch() -> false;
    };
  }

  // -- by how much

  /**
   * The least by which one limit of a set must give way: one on time, else on memory, else any. The
   * others are kept, all that are open if that is possible.
   */
  private Optional<Conflict> measured(List<Limit> set, List<Limit> open) {
    for (var kept : List.of(open, set)) {
      var shapes = BatchSearch.openShapes(Limit.only(problem, kept));
      for (Predicate<Limit> kind :
          List.<Predicate<Limit>>of(
              this::isTime, this::isMemory, Limit.Statement.class::isInstance)) {
        var least =
            set.stream()
                .filter(kind)
                .sorted(Limit.readingOrder())
                .flatMap(limit -> shapes.stream().flatMap(s -> measured(s, limit, set).stream()))
                .min(Comparator.comparingDouble(Conflict::amount));
        if (least.isPresent()) {
          return least;
        }
      }
    }
    return Optional.empty();
  }

  private boolean isTime(Limit limit) {
    return level(limit).filter(ServiceLevel::isTime).isPresent();
  }

  private boolean isMemory(Limit limit) {
    return limit instanceof Limit.Memory || level(limit).isPresent();
  }

  private Optional<ServiceLevel> level(Limit limit) {
    return problem.bounds().levels().stream()
        .filter(level -> limit.equals(new Limit.Statement(level.source())))
        .findFirst();
  }

  private Optional<Conflict> measured(Formulation formulation, Limit limit, List<Limit> set) {
    return relax(formulation, row -> isOf(limit, row))
        .flatMap(
            relaxed ->
                relaxed.elastic().stream()
                    .max(Comparator.comparingDouble(relaxed::missed))
                    .map(e -> conflict(formulation, relaxed, e, limit, set)));
  }

  /** A row with the variables by which it may be exceeded, or fallen short of. */
  private record Elastic(int row, int over, int under) {}

  private record Relaxed(List<Row> rows, List<Elastic> elastic, LpOutcome.Optimal outcome) {
    double missed(Elastic e) {
      return Math.max(outcome.values()[e.over()], outcome.values()[e.under()]);
    }
  }

  private Optional<Relaxed> relax(Formulation formulation, Predicate<Row> relaxed) {
    var strict = formulation.model(List.of(), List.of());
    var variables = new ArrayList<>(strict.variables());
    var rows = new ArrayList<Row>();
    var elastic = new ArrayList<Elastic>();
    var price = new ArrayList<Term>();
    for (var row : strict.rows()) {
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
        .map(outcome -> new Relaxed(rows, elastic, outcome));
  }

  private static Conflict conflict(
      Formulation formulation, Relaxed relaxed, Elastic e, Limit limit, List<Limit> set) {
    var row = relaxed.rows().get(e.row());
    var values = relaxed.outcome().values();
    double over = values[e.over()];
    double under = values[e.under()];
    var limits = new ArrayList<>(set);
    limits.sort(Limit.readingOrder());
    if (limit instanceof Limit.Statement) {
      limits.remove(limit);
      limits.addFirst(limit);
    }
    boolean memory = row.unit().equals("GiB");
    boolean parts = memory && !row.name().startsWith("dram(");
    Unit unit;
    double needed;
    double allowed;
    if (memory) {
      unit = Unit.BYTES;
      double fixed = parts ? formulation.fixedBytesOn(row.resource()) : 0;
      allowed = Math.rint(row.upper() * GIB + fixed);
      needed = Math.rint(allowed + over * GIB);
    } else if (row.kind() == Row.Kind.SERVICE_LEVEL) {
      unit = Unit.SECONDS;
      allowed = row.upper() / 1e3;
      needed = (row.upper() + over) / 1e3;
    } else {
      unit = row.kind() == Row.Kind.QUALITY ? Unit.LOSS : Unit.SHARE;
      allowed = over > under ? row.upper() : row.lower();
      needed = allowed + over - under;
    }
    return new Conflict(
        row.name(),
        row.resource(),
        unit,
        needed,
        allowed,
        parts ? Optional.of(formulation.bytesOn(row.resource(), values)) : Optional.empty(),
        limits);
  }
}
