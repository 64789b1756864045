package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Resolved;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Limit;
import dev.stowage.optimizer.PlacementOutcome;
import dev.stowage.optimizer.PlacementOutcome.Conflict;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Says of a problem without an answer which of the user's statements stand against which limit, by
 * how much, and what needs the memory. The places of a diagnostic are those of a set of statements
 * that cannot be kept together, though the others could if any one of them gave way.
 */
final class Feasibility {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

  private final Resolved resolved;
  private final Optional<SourceSpan> batch;

  /** A place that takes part, and what it has to do with it. */
  private record Place(SourceSpan span, String note) {}

  /**
   * @param batch what says how many sequences run together
   */
  Feasibility(Resolved resolved, Optional<SourceSpan> batch) {
    this.resolved = resolved;
    this.batch = batch;
  }

  List<Diagnostic> explain(PlacementOutcome.Infeasible infeasible) {
    var diagnostics = new ArrayList<Diagnostic>();
    for (var conflict : infeasible.conflicts()) {
      var places =
          conflict.limits().stream()
              .flatMap(l -> place(l, conflict, infeasible.at()).stream())
              .toList();
      var first = places.isEmpty() ? resolved.planSpan() : places.getFirst().span();
      var diagnostic = diagnostic(conflict, first, infeasible.at());
      for (var place : places.stream().skip(1).distinct().toList()) {
        diagnostic = diagnostic.withRelated(place.span(), place.note());
      }
      diagnostics.add(diagnostic);
    }
    return diagnostics;
  }

  private Optional<Place> place(Limit limit, Conflict conflict, BatchShape at) {
    return switch (limit) {
      case Limit.Statement(var source) ->
          Optional.ofNullable(resolved.spans().get(source))
              .map(span -> new Place(span, "because of '%s'".formatted(source.text())));
      case Limit.Batch() ->
          batch.map(
              span ->
                  new Place(span, "because %d sequences run together".formatted(at.sequences())));
      case Limit.Memory(var devices) ->
          Optional.ofNullable(resolved.devices().get(devices.getFirst()))
              .map(span -> new Place(span, "because " + has(devices.getFirst(), conflict)));
    };
  }

  private DeviceSpec device(String name) {
    return resolved.problems().getFirst().machine().device(name);
  }

  /**
   * {@code t4 has 15 GiB, of which 1 GiB is reserved}; of a drive's own memory where that lacks.
   */
  private String has(String name, Conflict conflict) {
    var device = device(name);
    if (conflict.row().equals("dram(" + name + ")")) {
      return "%s has %s of DRAM".formatted(name, Amounts.bytes(device.rate(Rate.DRAM)));
    }
    var has = name + " has " + Amounts.bytes(device.capacityBytes());
    return device.reserveBytes() == 0
        ? has
        : has + ", of which " + Amounts.bytes(device.reserveBytes()) + " are reserved";
  }

  private Diagnostic diagnostic(Conflict conflict, SourceSpan span, BatchShape batch) {
    return switch (conflict.unit()) {
      case BYTES ->
          Messages.doesNotFit(
              span,
              conflict.row(),
              Amounts.bytes(conflict.needed()),
              Amounts.bytes(conflict.allowed()),
              Amounts.bytes(conflict.amount()),
              "batch %d, prompt %d tok, generate %d tok"
                  .formatted(batch.sequences(), batch.promptTokens(), batch.generateTokens()),
              conflict.parts().map(parts -> breakdown(conflict, parts)).orElse(""));
      case SECONDS ->
          Messages.tooSlow(
              span,
              conflict.row(),
              Amounts.seconds(conflict.needed()),
              Amounts.seconds(conflict.allowed()),
              Amounts.seconds(conflict.amount()));
      case SHARE ->
          Messages.shareMissed(
              span,
              conflict.row(),
              Amounts.share(conflict.needed()),
              Amounts.share(conflict.allowed()),
              Amounts.share(conflict.amount()));
      case LOSS ->
          Messages.shareMissed(
              span,
              conflict.row(),
              Amounts.number(conflict.needed()),
              Amounts.number(conflict.allowed()),
              Amounts.number(conflict.amount()));
    };
  }

  /** What needs the memory, and what there is of it, a line each and all in one unit. */
  private String breakdown(Conflict conflict, MemoryUse.Bytes parts) {
    var device = device(conflict.resource());
    int unit = 0;
    double size = 1;
    while (conflict.needed() / size >= 1024 && unit < UNITS.length - 1) {
      size *= 1024;
      unit++;
    }
    var lines = new StringBuilder();
    line(lines, "weights", parts.weights(), size, unit);
    line(lines, "kv", parts.kv(), size, unit);
    line(lines, "activations", parts.activations(), size, unit);
    line(lines, "working memory", parts.working(), size, unit);
    line(lines, "needed", conflict.needed(), size, unit);
    if (conflict.row().startsWith("memory(")) {
      line(lines, "memory", device.capacityBytes(), size, unit);
      line(lines, "less reserve", device.reserveBytes(), size, unit);
    }
    line(lines, "usable", conflict.allowed(), size, unit);
    line(lines, "missing", conflict.amount(), size, unit);
    return lines.toString();
  }

  private static void line(StringBuilder lines, String what, double bytes, double size, int unit) {
    if (bytes != 0) {
      lines.append(
          String.format(
              Locale.ROOT,
              unit == 0 ? "%n      %-16s %10.0f %s" : "%n      %-16s %10.2f %s",
              what,
              bytes / size,
              UNITS[unit]));
    }
  }
}
