package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Distribution;
import dev.stowage.dsl.script.Percentile;
import dev.stowage.dsl.script.PercentileName;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A distribution says each percentile once (SW104). */
final class PercentilesAreNamedOnce implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Distribution distribution) {
      Set<PercentileName> named = EnumSet.noneOf(PercentileName.class);
      for (Percentile point : distribution.getPoints()) {
        if (!named.add(point.getAt())) {
          report.accept(
              Messages.setTwice(
                  Spans.of(point),
                  point.getAt().getLiteral(),
                  Spans.of(distribution.getPoints().getFirst()),
                  false));
        }
      }
    }
  }
}
