package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import java.util.HashSet;
import java.util.Locale;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** What a variant overrides is said before, by the plan or by the variants it extends (SW404). */
final class OverridesReplaceSomething implements Lint {
  @Override
  public void check(Script script, Statements statements, Consumer<Diagnostic> report) {
    for (var statement : script.getStatements()) {
      if (statement instanceof Variant variant) {
        for (var change : variant.getChanges()) {
          if (isOverride(change) && !isSaidBefore(script, variant, change)) {
            report.accept(
                Messages.overridesNothing(
                    Spans.of(change), change.eClass().getName().toLowerCase(Locale.ROOT)));
          }
        }
      }
    }
  }

  private static boolean isSaidBefore(Script script, Variant variant, Change change) {
    var kind = change.eClass();
    if (script.getStatements().stream().anyMatch(s -> s.eClass() == kind)) {
      return true;
    }
    var seen = new HashSet<Variant>();
    for (var v = variant; v != null && seen.add(v); v = v.getBase()) {
      for (var other : v.getChanges()) {
        if (other == change) {
          break;
        }
        if (other.eClass() == kind) {
          return true;
        }
      }
    }
    return false;
  }

  private static boolean isOverride(EObject statement) {
    return switch (statement) {
      case Workload workload -> workload.isOverride();
      case Place place -> place.isOverride();
      case Schedule schedule -> schedule.isOverride();
      case Approximate approximate -> approximate.isOverride();
      case Objective objective -> objective.isOverride();
      default -> false; // settings replace by nature, expectations add
    };
  }
}
