package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.cost.BusyTable;
import dev.stowage.optimizer.cost.BusyTable.Kind;
import dev.stowage.optimizer.cost.CostModel;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * A phase lasts as long as its busiest resource, a block as long as its phases:
 *
 * <pre>
 * time[phase] ≥ fixed[r, phase] + Σ work[r, phase, column] · share[column]     for every resource r,
 *               with what leaks to it of others' work where loads run ahead
 * attending[phase] ≥ the same sum over attention that leaves the compute device
 * time[phase] ≥ own                                                  of compute and memory of the
 * time[phase] ≥ own + (attending[phase] − before) / micro-batches      compute device
 * time[phase] ≥ own + (2 · attending[phase] − own) / micro-batches
 * time[phase] ≥ attending[phase] + own / micro-batches
 * Σ time[phase] ≤ latency(block), or tokens of the block / throughput
 * time[phase] ≤ latency(first), (n − 1) · latency(token), or tokens of the phase / throughput(phase)
 * </pre>
 *
 * Each of several stages has such a time; what the phase takes then follows {@link CostModel}.
 *
 * <p>Without prefetch, {@code loading} covers the loads of weights and {@code other} the rest. See
 * {@link BusyTable#bound} for the same of a finished placement.
 */
final class TimeRows {
  private static final Set<Kind> ALL = EnumSet.allOf(Kind.class);
  private static final Set<Kind> LOADING = EnumSet.of(Kind.LOADING);
  private static final Set<Kind> ATTENDING = EnumSet.of(Kind.ATTENDING);
  private static final Set<Kind> OWN = EnumSet.of(Kind.RESIDENT, Kind.OTHER);
  private static final Set<Kind> NOT_LOADING = EnumSet.complementOf(EnumSet.of(Kind.LOADING));

  private TimeRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>();
    var stages =
        IntStream.range(0, columns.stages.size()).mapToObj(stage -> stage(columns, stage)).toList();
    for (var phase : Phase.values()) {
      stages.forEach(stage -> addStage(stage, phase, rows));
      if (stages.size() > 1) {
        addStages(columns, stages, phase, rows);
      }
    }
    for (var level : columns.problem.bounds().levels()) {
      limit(columns, level).ifPresent(rows::add);
    }
    return rows;
  }

  private static Optional<Row> limit(Columns columns, ServiceLevel level) {
    var typical = columns.problem.workload().typical(columns.batch);
    return switch (level) {
      case ServiceLevel.BlockLatency(double seconds, _) ->
          Optional.of(limit("latency(block)", blockTime(columns), seconds, level));
      case ServiceLevel.PhaseLatency(var phase, double seconds, _) ->
          Optional.of(
              switch (phase) {
                case PREFILL -> limit("latency(first)", phaseTime(columns, phase), seconds, level);
                case DECODE ->
                    limit(
                        "latency(token)",
                        phaseTime(columns, phase),
                        seconds * Math.max(1, typical.generateTokens() - 1),
                        level);
              });
      case ServiceLevel.Throughput(var phase, double rate, _) -> {
        double sequences = typical.sequences();
        var terms = phase.map(p -> phaseTime(columns, p)).orElseGet(() -> blockTime(columns));
        double tokens =
            phase
                .map(
                    p ->
                        switch (p) {
                          case PREFILL -> sequences * typical.promptTokens();
                          case DECODE -> sequences * Math.max(1, typical.generateTokens() - 1);
                        })
                .orElse(sequences * typical.generateTokens());
        String name = "throughput" + phase.map(p -> "(" + p.word() + ")").orElse("");
        yield Optional.of(limit("time for " + name, terms, tokens / rate, level));
      }
      case ServiceLevel.Peak _ -> Optional.empty(); // see MemoryRows
    };
  }

  private static Row limit(String name, List<Term> terms, double seconds, ServiceLevel level) {
    return new Row(
        name,
        Row.Kind.SERVICE_LEVEL,
        "block",
        "ms",
        terms,
        Double.NEGATIVE_INFINITY,
        seconds * Columns.MILLIS,
        List.of(level.source()));
  }

  /** The time of a phase, in ms. */
  static List<Term> phaseTime(Columns columns, Phase phase) {
    return columns.times.get(phase).stream().map(index -> new Term(index, 1)).toList();
  }

  /** The time of a block, in ms. */
  static List<Term> blockTime(Columns columns) {
    return columns.times.values().stream()
        .flatMap(List::stream)
        .map(index -> new Term(index, 1))
        .toList();
  }

  private static void addStage(Stage stage, Phase phase, List<Row> rows) {
    var times = stage.columns().stages.get(stage.number()).parts().get(phase);
    boolean ahead = stage.columns().prefetch > 0;
    if (!ahead) {
      add(stage, phase, times.getFirst(), "loading ", LOADING, rows);
    }
    add(stage, phase, times.getLast(), "", ahead ? ALL : NOT_LOADING, rows);
    int attending = stage.columns().stages.get(stage.number()).attending().get(phase);
    int before = rows.size();
    add(stage, phase, attending, "attending ", ATTENDING, rows);
    boolean attends = rows.size() > before;
    if (attends || stage.bringsInLine(phase)) {
      addWaiting(stage, phase, attends, rows);
    }
  }

  /** What covers all stages: see {@link CostModel}. */
  private static void addStages(Columns columns, List<Stage> stages, Phase phase, List<Row> rows) {
    int time = columns.times.get(phase).getFirst();
    double beside = CostModel.besideOthers(columns.problem, columns.batch);
    for (var longest : stages) {
      var terms = new ArrayList<Term>();
      terms.add(new Term(time, 1));
      for (var stage : stages) {
        double part = 1 - beside + (stage == longest ? beside : 0);
        if (part > 0) {
          columns
              .stages
              .get(stage.number())
              .parts()
              .get(phase)
              .forEach(index -> terms.add(new Term(index, -part)));
        }
      }
      rows.add(
          new Row(
              phase.word() + " stage " + longest.device(),
              Row.Kind.DEFINITION,
              "stage " + longest.device(),
              "ms",
              terms,
              0,
              Double.POSITIVE_INFINITY,
              List.of()));
    }
    for (int resource = 0; resource < columns.structure.resources.count(); resource++) {
      var terms = new ArrayList<Term>();
      terms.add(new Term(time, 1));
      double fixed = 0;
      int users = 0;
      for (var stage : stages) {
        if (isBusy(stage, phase, resource, ALL)) {
          var row = row(stage, phase, resource, time, "", ALL);
          terms.addAll(row.terms().subList(1, row.terms().size()));
          fixed += row.lower();
          users++;
        }
      }
      if (users > 1) {
        String name = columns.structure.resources.name(resource);
        rows.add(
            new Row(
                phase.word() + " " + name + " of all stages",
                Row.Kind.DEFINITION,
                name,
                "ms",
                terms,
                fixed,
                Double.POSITIVE_INFINITY,
                List.of()));
      }
    }
  }

  /** What of compute and of attention the other does not hide. */
  private static void addWaiting(Stage stage, Phase phase, boolean attends, List<Row> rows) {
    var columns = stage.columns();
    double part = 1.0 / CostModel.passesAtOneStop(columns.problem, columns.batch);
    var computing = stage.computing();
    for (int own : computing) {
      if (isBusy(stage, phase, own, OWN)) {
        String resource = columns.structure.resources.name(own) + stage.suffix();
        String name = phase.word() + " " + resource;
        ToDoubleFunction<BusyTable> all =
            table -> table.own(phase, own) + table.inLine(phase, computing);
        ToDoubleFunction<BusyTable> before =
            table -> table.before(phase, own) + table.inLine(phase, computing);
        if (stage.bringsInLine(phase)) {
          rows.add(waiting(stage, own, phase, name + " in line", 0, all));
        }
        if (attends) {
          double hidden = part < 1 ? part : 0;
          rows.add(
              waiting(
                  stage,
                  own,
                  phase,
                  name + " waits for attention",
                  part,
                  table -> all.applyAsDouble(table) - hidden * before.applyAsDouble(table)));
        }
        if (attends && part < 1) {
          rows.add(
              waiting(
                  stage,
                  own,
                  phase,
                  name + " waits for the last attention",
                  2 * part,
                  table -> (1 - part) * all.applyAsDouble(table)));
          rows.add(
              waiting(
                  stage,
                  own,
                  phase,
                  phase.word() + " attention waits for " + resource,
                  1,
                  table -> part * all.applyAsDouble(table)));
        }
      }
    }
  }

  private static Row waiting(
      Stage stage,
      int own,
      Phase phase,
      String name,
      double attended,
      ToDoubleFunction<BusyTable> computed) {
    var columns = stage.columns();
    var times = columns.stages.get(stage.number());
    var terms = new ArrayList<Term>();
    terms.add(new Term(times.parts().get(phase).getLast(), 1));
    if (attended != 0) {
      terms.add(new Term(times.attending().get(phase), -attended));
    }
    for (var work : stage.work()) {
      double seconds = computed.applyAsDouble(work.table());
      if (seconds != 0) {
        terms.add(new Term(work.index(), -seconds * Columns.MILLIS));
      }
    }
    return new Row(
        name,
        Row.Kind.DEFINITION,
        columns.structure.resources.name(own),
        "ms",
        terms,
        computed.applyAsDouble(columns.fixedWork.get(stage.number())) * Columns.MILLIS,
        Double.POSITIVE_INFINITY,
        List.of());
  }

  private static void add(
      Stage stage, Phase phase, int time, String prefix, Set<Kind> kinds, List<Row> rows) {
    for (int resource : stage.busy()) {
      if (isBusy(stage, phase, resource, kinds)) {
        rows.add(row(stage, phase, resource, time, prefix, kinds));
      }
    }
  }

  private static boolean isBusy(Stage stage, Phase phase, int resource, Set<Kind> kinds) {
    if (stage.columns().fixedWork.get(stage.number()).of(phase, resource, kinds) != 0) {
      return true;
    }
    for (var work : stage.work()) {
      if (work.table().of(phase, resource, kinds) != 0) {
        return true;
      }
    }
    return false;
  }

  private static Row row(
      Stage stage, Phase phase, int resource, int time, String prefix, Set<Kind> kinds) {
    var terms = new ArrayList<Term>();
    terms.add(new Term(time, 1));
    var columns = stage.columns();
    for (var work : stage.work()) {
      double seconds = seconds(work.table(), phase, resource, kinds);
      if (seconds != 0) {
        terms.add(new Term(work.index(), -seconds * Columns.MILLIS));
      }
    }
    String name = columns.structure.resources.name(resource);
    return new Row(
        prefix + phase.word() + " " + name + stage.suffix(),
        Row.Kind.DEFINITION,
        name,
        "ms",
        terms,
        seconds(columns.fixedWork.get(stage.number()), phase, resource, kinds) * Columns.MILLIS,
        Double.POSITIVE_INFINITY,
        List.of());
  }

  /** Of all kinds of work, with what leaks: those take turns only where nothing runs ahead. */
  private static double seconds(BusyTable table, Phase phase, int resource, Set<Kind> kinds) {
    return table.of(phase, resource, kinds)
        + (kinds.equals(ALL) ? table.leaked(phase, resource) : 0);
  }

  private static Stage stage(Columns columns, int stage) {
    var work = work(columns, stage);
    var fixed = columns.fixedWork.get(stage);
    var busy =
        IntStream.range(0, columns.structure.resources.count())
            .filter(r -> fixed.isBusy(r) || work.stream().anyMatch(w -> w.table().isBusy(r)))
            .boxed()
            .toList();
    return new Stage(columns, stage, work, busy);
  }

  private static List<Work> work(Columns columns, int stage) {
    var work = new ArrayList<Work>();
    columns.weights.stream()
        .filter(c -> c.stage() == stage)
        .forEach(c -> work.add(new Work(c.index(), c.work())));
    columns.kv.stream()
        .filter(c -> c.part().group().stage(columns.problem) == stage)
        .forEach(c -> work.add(new Work(c.index(), c.work())));
    if (stage == 0) {
      columns.waiting.forEach(c -> work.add(new Work(c.index(), c.work())));
    }
    return work;
  }

  /**
   * A stage, and the columns whose work is its own.
   *
   * @param busy resources with any of it
   */
  private record Stage(Columns columns, int number, List<Work> work, List<Integer> busy) {
    String device() {
      return columns.problem.stages().devices().get(number);
    }

    /** What tells its rows from those of other stages. */
    String suffix() {
      return columns.stages.size() == 1 ? "" : " of " + device();
    }

    /** Compute and bandwidth of its device. */
    List<Integer> computing() {
      return CostModel.computing(columns.structure.resources, device());
    }

    /** Whether its device brings keys and values itself. */
    boolean bringsInLine(Phase phase) {
      return columns.fixedWork.get(number).inLine(phase, computing()) != 0
          || work.stream().anyMatch(w -> w.table().inLine(phase, computing()) != 0);
    }
  }

  private record Work(int index, BusyTable table) {}
}
