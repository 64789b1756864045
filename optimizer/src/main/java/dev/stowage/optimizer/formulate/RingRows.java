package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.cost.Stops;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A slot of a ring holds what any one stop (the embedding, a layer, the head) loads:
 *
 * <pre>
 * ring ≥ Σ_{class of the stop} Σ_{home ≠ compute} bytes of one layer[class] · share[class, home]     for every stop
 * </pre>
 *
 * Each stage has a ring; with gpus, another in the host's memory for homes on disks.
 */
final class RingRows {
  private RingRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>();
    for (var ring : columns.rings) {
      String device = columns.problem.stages().devices().get(ring.stage());
      addStops(columns, ring, device, home -> !home.equals(device), rows);
    }
    for (var ring : columns.hostRings) {
      String host = columns.problem.host().name();
      addStops(columns, ring, host, columns::passesHostRing, rows);
    }
    return rows;
  }

  private static void addStops(
      Columns columns, Columns.Ring of, String device, Predicate<String> loaded, List<Row> rows) {
    var shape = columns.problem.shape();
    int ring = of.index();
    if (of.stage() == 0 && !Stops.embed(shape).isEmpty()) {
      rows.add(row(columns, ring, device, loaded, "embed", Stops.embed(shape), 0));
    }
    int segment = 0;
    for (var c : columns.classes) {
      // Classes of layers come in segments; the first class of each segment stands for its stop.
      if (c.matrices().getFirst().perLayer() && c.layers().from() == segment) {
        if (c.stage(columns.problem) == of.stage()) {
          rows.add(
              row(
                  columns,
                  ring,
                  device,
                  loaded,
                  "layers[" + c.layers() + "]",
                  Stops.layer(shape),
                  segment));
        }
        segment = c.layers().to();
      }
    }
    if (of.stage() == columns.problem.stages().count() - 1) {
      rows.add(row(columns, ring, device, loaded, "head", Stops.head(shape), 0));
    }
  }

  private static Row row(
      Columns columns,
      int ring,
      String device,
      Predicate<String> loaded,
      String stop,
      List<Weight> matrices,
      int layer) {
    var shape = columns.problem.shape();
    var terms = new ArrayList<Term>();
    terms.add(new Term(ring, 1));
    for (var column : columns.weights) {
      long bytes = 0;
      for (var weight : column.of().matrices()) {
        if (matrices.contains(weight) && column.of().layers().contains(layer)) {
          bytes += shape.rows(weight) * shape.rowBytes(weight, column.route().type());
        }
      }
      if (bytes > 0 && loaded.test(column.home())) {
        terms.add(new Term(column.index(), -bytes / Columns.GIB));
      }
    }
    return new Row(
        "ring(%s) holds %s".formatted(device, stop),
        Row.Kind.DEFINITION,
        device,
        "GiB",
        terms,
        0,
        Double.POSITIVE_INFINITY,
        List.of());
  }
}
