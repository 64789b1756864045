package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.cost.MemoryUse;
import java.util.ArrayList;
import java.util.List;

/**
 * What lies on a device fits:
 *
 * <pre>
 * fixed + Σ bytes[class] · share[class, device] + Σ bytes[route, device] · share[kv, route]
 *       + Σ bytes[waiting, device] · share[waiting] + (prefetch + 1) · ring   ≤ usable
 * </pre>
 *
 * The KV cache counts at its fullest, so one row holds for prefill and decode. {@code peak(device)}
 * is the same sum with a limit of the author's.
 */
final class MemoryRows {
  private MemoryRows() {}

  /**
   * @param margins bytes by device that rounding to whole rows may add
   */
  static List<Row> of(Columns columns, java.util.Map<String, Long> margins) {
    var rows = new ArrayList<Row>();
    for (var device : columns.problem.machine().devices()) {
      long fixed = fixed(columns, device.name());
      rows.add(
          row(
              "memory",
              Row.Kind.CAPACITY,
              columns,
              device.name(),
              device.usableBytes() - fixed - margins.getOrDefault(device.name(), 0L),
              List.of()));
    }
    for (var level : columns.problem.bounds().levels()) {
      if (level instanceof ServiceLevel.Peak peak) {
        long fixed = fixed(columns, peak.device());
        rows.add(
            row(
                "peak",
                Row.Kind.SERVICE_LEVEL,
                columns,
                peak.device(),
                peak.bytes() - fixed - margins.getOrDefault(peak.device(), 0L),
                List.of(peak.source())));
      }
    }
    return rows;
  }

  /** The variable part of the bytes on a device, in GiB. */
  static List<Term> terms(Columns columns, String device) {
    var terms = new ArrayList<Term>();
    for (var column : columns.weights) {
      if (column.home().equals(device)) {
        terms.add(
            gib(column.index(), column.of().bytes(columns.problem.shape(), column.route().type())));
      }
    }
    for (var column : columns.kv) {
      long own = column.bytes().getOrDefault(device, 0L);
      long beside = column.beside().getOrDefault(device, 0L);
      if (columns.whole && beside > 0) {
        terms.add(gib(column.used(), beside));
      }
      double part = columns.whole ? 0 : column.ofAll() * beside;
      if (own + part > 0) {
        terms.add(new Term(column.index(), (own + part) / Columns.GIB));
      }
    }
    for (var column : columns.waiting) {
      if (column.bytes().containsKey(device)) {
        terms.add(gib(column.index(), column.bytes().get(device)));
      }
    }
    columns
        .ringsOn(device)
        .forEach(ring -> terms.add(new Term(ring.index(), columns.prefetch + 1)));
    return terms;
  }

  /**
   * What the bytes on a device are for.
   *
   * @param values of a program whose shares need not be whole
   */
  static MemoryUse.Bytes bytes(Columns columns, String device, double[] values) {
    var fixed = columns.fixedBytes.on(device);
    double weights = fixed.weights();
    double kv = fixed.kv();
    double activations = fixed.activations();
    double working = fixed.working();
    for (var column : columns.weights) {
      if (column.home().equals(device)) {
        weights +=
            values[column.index()]
                * column.of().bytes(columns.problem.shape(), column.route().type());
      }
    }
    for (var column : columns.kv) {
      double share = values[column.index()];
      kv += share * column.bytes().getOrDefault(device, 0L);
      working += share * column.ofAll() * column.beside().getOrDefault(device, 0L);
    }
    for (var column : columns.waiting) {
      activations += values[column.index()] * column.bytes().getOrDefault(device, 0L);
    }
    double slots = (columns.prefetch + 1) * Columns.GIB;
    for (var ring : columns.ringsOn(device)) {
      working += slots * values[ring.index()];
    }
    return new MemoryUse.Bytes(
        Math.round(weights), Math.round(kv), Math.round(activations), Math.round(working));
  }

  private static Row row(
      String word,
      Row.Kind kind,
      Columns columns,
      String device,
      long room,
      List<dev.stowage.optimizer.Source> sources) {
    return new Row(
        word + "(" + device + ")",
        kind,
        device,
        "GiB",
        terms(columns, device),
        Double.NEGATIVE_INFINITY,
        room / Columns.GIB,
        sources);
  }

  private static long fixed(Columns columns, String device) {
    return columns.fixedBytes.on(device).total();
  }

  private static Term gib(int index, long bytes) {
    return new Term(index, bytes / Columns.GIB);
  }
}
