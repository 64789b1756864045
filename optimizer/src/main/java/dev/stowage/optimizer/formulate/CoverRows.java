package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything lies somewhere:
 *
 * <pre>
 * Σ_home share[class, home] = 1     Σ_route share[kv, part, route] = 1     Σ_device share[waiting, device] = 1
 * </pre>
 */
final class CoverRows {
  private CoverRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>();
    for (var c : columns.classes) {
      rows.add(
          one(
              c.name(),
              columns.weights.stream()
                  .filter(column -> column.of().equals(c))
                  .map(Columns.OfWeights::index)
                  .toList()));
    }
    for (var part : columns.kv.stream().map(Columns.OfKv::part).distinct().toList()) {
      rows.add(
          one(
              "kv" + part.name(columns.batch),
              columns.kv.stream()
                  .filter(c -> c.part().equals(part))
                  .map(Columns.OfKv::index)
                  .toList()));
    }
    if (!columns.waiting.isEmpty()) {
      rows.add(one("waiting", columns.waiting.stream().map(Columns.OfWaiting::index).toList()));
    }
    return rows;
  }

  private static Row one(String what, List<Integer> columns) {
    return new Row(
        "all of " + what,
        Row.Kind.DEFINITION,
        what,
        "share",
        columns.stream().map(index -> new Term(index, 1)).toList(),
        1,
        1,
        List.of());
  }
}
