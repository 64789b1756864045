package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Distribution;
import dev.stowage.dsl.script.PercentileName;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A distribution says its median and its largest value, and maybe what lies between (SW120). */
final class DistributionsHaveTheirEnds implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Distribution distribution) {
      Set<PercentileName> named = EnumSet.noneOf(PercentileName.class);
      distribution.getPoints().forEach(point -> named.add(point.getAt()));
      if (!named.containsAll(EnumSet.of(PercentileName.P50, PercentileName.MAX))) {
        report.accept(Messages.percentileMissing(Spans.of(distribution)));
      }
    }
  }
}
