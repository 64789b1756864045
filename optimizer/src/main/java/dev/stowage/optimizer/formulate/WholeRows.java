package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import java.util.ArrayList;
import java.util.List;

/**
 * Shares of a mixed program are whole numbers of units, and what a route needs beside its KV is
 * needed as soon as there is any of it:
 *
 * <pre>
 * units · share[kv, part, route] = count, whole      share[kv, part, route] ≤ uses[births, route], 0 or 1
 * </pre>
 */
final class WholeRows {
  private WholeRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>(columns.wholeRows);
    for (var column : columns.kv) {
      if (columns.whole) {
        rows.add(
            new Row(
                column.route().name() + " is used",
                Row.Kind.DEFINITION,
                column.route().home(),
                "share",
                List.of(new Term(column.index(), 1), new Term(column.used(), -1)),
                Double.NEGATIVE_INFINITY,
                0,
                List.of()));
      }
    }
    return rows;
  }
}
