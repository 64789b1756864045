package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Resolved;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.PlacementOutcome;
import dev.stowage.optimizer.PlacementOutcome.Conflict;
import dev.stowage.plan.BatchShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Says of a problem without an answer which of the user's statements stand against which limit, and
 * by how much.
 */
final class Feasibility {
  private Feasibility() {}

  static List<Diagnostic> explain(Resolved resolved, PlacementOutcome.Infeasible infeasible) {
    var diagnostics = new ArrayList<Diagnostic>();
    for (var conflict : infeasible.conflicts()) {
      var device = Optional.ofNullable(resolved.devices().get(conflict.resource()));
      var spans = conflict.sources().stream().map(resolved.spans()::get).toList();
      var first = spans.isEmpty() ? device.orElse(resolved.planSpan()) : spans.getFirst();
      var diagnostic = diagnostic(conflict, first, infeasible.at());
      for (int i = 1; i < spans.size(); i++) {
        diagnostic =
            diagnostic.withRelated(
                spans.get(i), "because of '%s'".formatted(conflict.sources().get(i).text()));
      }
      if (device.isPresent() && !device.get().equals(first)) {
        diagnostic =
            diagnostic.withRelated(device.get(), conflict.resource() + " is declared here");
      }
      diagnostics.add(diagnostic);
    }
    return diagnostics;
  }

  private static Diagnostic diagnostic(Conflict conflict, SourceSpan span, BatchShape batch) {
    return switch (conflict.unit()) {
      case BYTES ->
          Messages.doesNotFit(
              span,
              conflict.row(),
              Amounts.bytes(conflict.needed()),
              Amounts.bytes(conflict.allowed()),
              Amounts.bytes(conflict.amount()),
              "batch %d, prompt %d tok, generate %d tok"
                  .formatted(batch.sequences(), batch.promptTokens(), batch.generateTokens()));
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
}
