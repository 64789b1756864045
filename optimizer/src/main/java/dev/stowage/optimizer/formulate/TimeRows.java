package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.cost.BusyTable;
import dev.stowage.optimizer.cost.BusyTable.Kind;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * A phase lasts as long as its busiest resource, a block as long as its phases:
 *
 * <pre>
 * time[phase] ≥ fixed[r, phase] + Σ work[r, phase, column] · share[column]     for every resource r
 * attending[phase] ≥ the same sum over attention that leaves the compute device
 * time[phase] ≥ own                                                  of compute and memory of the
 * time[phase] ≥ own + (attending[phase] − before) / micro-batches      compute device
 * time[phase] ≥ own + (2 · attending[phase] − own) / micro-batches
 * time[phase] ≥ attending[phase] + own / micro-batches
 * Σ time[phase] ≤ latency(block), or tokens of the block / throughput
 * time[phase] ≤ latency(first), (n − 1) · latency(token), or tokens of the phase / throughput(phase)
 * </pre>
 *
 * Without prefetch, {@code loading} covers the loads of weights and {@code other} the rest. See
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
    var works = works(columns);
    for (var phase : Phase.values()) {
      var times = columns.times.get(phase);
      boolean ahead = columns.prefetch > 0;
      if (!ahead) {
        add(columns, works, phase, times.getFirst(), "loading ", LOADING, rows);
      }
      add(columns, works, phase, times.getLast(), "", ahead ? ALL : NOT_LOADING, rows);
      int attending = columns.attending.get(phase);
      int before = rows.size();
      add(columns, works, phase, attending, "attending ", ATTENDING, rows);
      boolean attends = rows.size() > before;
      boolean inLine = columns.fixedWork.inLine(phase) != 0;
      for (var work : works) {
        inLine |= work.table().inLine(phase) != 0;
      }
      if (attends || inLine) {
        addWaiting(columns, works, phase, attends, inLine, rows);
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

  /** What of compute and of attention the other does not hide. */
  private static void addWaiting(
      Columns columns,
      List<Work> works,
      Phase phase,
      boolean attends,
      boolean inLine,
      List<Row> rows) {
    double part = 1.0 / columns.batch.microBatches();
    var resources = columns.structure.resources;
    for (int own : List.of(resources.compute(), resources.bandwidth())) {
      if (isBusy(columns, works, phase, own, OWN)) {
        String name = phase.word() + " " + resources.name(own);
        ToDoubleFunction<BusyTable> all = table -> own(table, phase, own);
        if (inLine) {
          rows.add(waiting(columns, works, own, phase, name + " in line", 0, all));
        }
        if (attends) {
          double hidden = part < 1 ? part : 0;
          rows.add(
              waiting(
                  columns,
                  works,
                  own,
                  phase,
                  name + " waits for attention",
                  part,
                  table -> own(table, phase, own) - hidden * before(table, phase, own)));
        }
        if (attends && part < 1) {
          rows.add(
              waiting(
                  columns,
                  works,
                  own,
                  phase,
                  name + " waits for the last attention",
                  2 * part,
                  table -> (1 - part) * own(table, phase, own)));
          rows.add(
              waiting(
                  columns,
                  works,
                  own,
                  phase,
                  phase.word() + " attention waits for " + resources.name(own),
                  1,
                  table -> part * own(table, phase, own)));
        }
      }
    }
  }

  private static Row waiting(
      Columns columns,
      List<Work> works,
      int own,
      Phase phase,
      String name,
      double attended,
      ToDoubleFunction<BusyTable> computed) {
    var terms = new ArrayList<Term>();
    terms.add(new Term(columns.times.get(phase).getLast(), 1));
    if (attended != 0) {
      terms.add(new Term(columns.attending.get(phase), -attended));
    }
    for (var work : works) {
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
        computed.applyAsDouble(columns.fixedWork) * Columns.MILLIS,
        Double.POSITIVE_INFINITY,
        List.of());
  }

  private static double own(BusyTable table, Phase phase, int own) {
    return table.own(phase, own) + table.inLine(phase);
  }

  private static double before(BusyTable table, Phase phase, int own) {
    return table.before(phase, own) + table.inLine(phase);
  }

  private static void add(
      Columns columns,
      List<Work> works,
      Phase phase,
      int time,
      String prefix,
      Set<Kind> kinds,
      List<Row> rows) {
    for (int resource = 0; resource < columns.structure.resources.count(); resource++) {
      if (isBusy(columns, works, phase, resource, kinds)) {
        rows.add(row(columns, works, phase, resource, time, prefix, kinds));
      }
    }
  }

  private static boolean isBusy(
      Columns columns, List<Work> works, Phase phase, int resource, Set<Kind> kinds) {
    if (columns.fixedWork.of(phase, resource, kinds) != 0) {
      return true;
    }
    for (var work : works) {
      if (work.table().of(phase, resource, kinds) != 0) {
        return true;
      }
    }
    return false;
  }

  private static Row row(
      Columns columns,
      List<Work> works,
      Phase phase,
      int resource,
      int time,
      String prefix,
      Set<Kind> kinds) {
    var terms = new ArrayList<Term>();
    terms.add(new Term(time, 1));
    for (var work : works) {
      double seconds = work.table().of(phase, resource, kinds);
      if (seconds != 0) {
        terms.add(new Term(work.index(), -seconds * Columns.MILLIS));
      }
    }
    String name = columns.structure.resources.name(resource);
    return new Row(
        prefix + phase.word() + " " + name,
        Row.Kind.DEFINITION,
        name,
        "ms",
        terms,
        columns.fixedWork.of(phase, resource, kinds) * Columns.MILLIS,
        Double.POSITIVE_INFINITY,
        List.of());
  }

  private static List<Work> works(Columns columns) {
    var works = new ArrayList<Work>();
    columns.weights.forEach(c -> works.add(new Work(c.index(), c.work())));
    columns.kv.forEach(c -> works.add(new Work(c.index(), c.work())));
    columns.waiting.forEach(c -> works.add(new Work(c.index(), c.work())));
    return works;
  }

  private record Work(int index, BusyTable table) {}
}
