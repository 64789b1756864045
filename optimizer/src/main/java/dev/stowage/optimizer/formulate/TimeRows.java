package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.cost.BusyTable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A phase lasts as long as its busiest resource, a block as long as its phases:
 *
 * <pre>
 * time[phase] ≥ fixed[r, phase] + Σ work[r, phase, column] · share[column]     for every resource r
 * Σ time[phase] ≤ latency(block)
 * </pre>
 *
 * Without prefetch, {@code loading} covers the loads of weights and {@code other} the rest.
 */
final class TimeRows {
  private TimeRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>();
    for (var phase : Phase.values()) {
      var times = columns.times.get(phase);
      if (columns.prefetch > 0) {
        add(columns, phase, times.get(0), "", BusyTable.Seconds::sum, rows);
      } else {
        add(columns, phase, times.get(0), "loading ", BusyTable.Seconds::loading, rows);
        add(columns, phase, times.get(1), "", BusyTable.Seconds::other, rows);
      }
    }
    for (var level : columns.problem.bounds().levels()) {
      if (level instanceof ServiceLevel.BlockLatency latency) {
        rows.add(
            new Row(
                "latency(block)",
                Row.Kind.SERVICE_LEVEL,
                "block",
                "ms",
                blockTime(columns),
                Double.NEGATIVE_INFINITY,
                latency.seconds() * Columns.MILLIS,
                List.of(latency.source())));
      }
    }
    return rows;
  }

  /** The time of a block, in ms. */
  static List<Term> blockTime(Columns columns) {
    return columns.times.values().stream()
        .flatMap(List::stream)
        .map(index -> new Term(index, 1))
        .toList();
  }

  private static void add(
      Columns columns,
      Phase phase,
      int time,
      String prefix,
      ToDoubleFunction<BusyTable.Seconds> part,
      List<Row> rows) {
    var columnsWork = new ArrayList<Work>();
    columns.weights.forEach(c -> columnsWork.add(new Work(c.index(), c.work())));
    columns.kv.forEach(c -> columnsWork.add(new Work(c.index(), c.work())));
    columns.waiting.forEach(c -> columnsWork.add(new Work(c.index(), c.work())));
    var tables = new ArrayList<BusyTable>();
    tables.add(columns.fixedWork);
    columnsWork.forEach(work -> tables.add(work.table()));

    for (var resource : BusyTable.resources(phase, tables)) {
      var terms = new ArrayList<Term>();
      for (var work : columnsWork) {
        double seconds = seconds(work.table(), phase, resource, part);
        if (seconds != 0) {
          terms.add(new Term(work.index(), -seconds * Columns.MILLIS));
        }
      }
      double fixed = seconds(columns.fixedWork, phase, resource, part);
      if (terms.isEmpty() && fixed == 0) {
        continue;
      }
      terms.addFirst(new Term(time, 1));
      rows.add(
          new Row(
              prefix + phase.word() + " " + resource,
              Row.Kind.DEFINITION,
              resource,
              "ms",
              terms,
              fixed * Columns.MILLIS,
              Double.POSITIVE_INFINITY,
              List.of()));
    }
  }

  private record Work(int index, BusyTable table) {}

  private static double seconds(
      BusyTable table, Phase phase, String resource, ToDoubleFunction<BusyTable.Seconds> part) {
    var seconds = table.of(phase).get(resource);
    return seconds == null ? 0 : part.applyAsDouble(seconds);
  }
}
