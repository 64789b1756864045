package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.Rate;
import java.util.ArrayList;
import java.util.List;

/**
 * What a drive keeps in its own memory fits it; see {@link DriveMemory}:
 *
 * <pre>
 * fixed + Σ bytes[part, route] · share   ≤ dram
 * </pre>
 *
 * A share of the tokens counts in proportion, though as many gather however few of them a drive
 * holds: what is settled in whole units counts exactly. What a plan's write-back adds is not known
 * here.
 */
final class DramRows {
  private DramRows() {}

  static List<Row> of(Columns columns) {
    var problem = columns.problem;
    var rows = new ArrayList<Row>();
    for (var drive : problem.machine().devices()) {
      if (drive.kind() == DeviceKind.CSD) {
        double fixed =
            columns.settledKv.stream()
                .filter(region -> region.device().equals(drive.name()))
                .mapToDouble(
                    region -> DriveMemory.bytes(problem.shape(), problem.kvType(), region, 0))
                .sum();
        var terms = terms(columns, drive.name());
        if (fixed > 0 || !terms.isEmpty()) {
          rows.add(
              new Row(
                  "dram(" + drive.name() + ")",
                  Row.Kind.CAPACITY,
                  drive.name(),
                  "GiB",
                  terms,
                  Double.NEGATIVE_INFINITY,
                  (drive.rate(Rate.DRAM) - fixed) / Columns.GIB,
                  List.of()));
        }
      }
    }
    return rows;
  }

  private static List<Term> terms(Columns columns, String drive) {
    return columns.kv.stream()
        .filter(column -> column.route().home().equals(drive))
        .map(column -> new Term(column.index(), column.dram() / Columns.GIB))
        .toList();
  }
}
