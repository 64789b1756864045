package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Subject;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** The share of activations on a device is one for the whole model (SW108). */
final class ActivationsArePlacedWhole implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof PlaceRule rule
        && rule.getSubject() == Subject.ACTIVATIONS
        && !rule.getSelectors().isEmpty()) {
      report.accept(
          Messages.outOfBounds(
              Spans.of(rule.getSelectors().getFirst()), "the share of activations", "one for all"));
    }
  }
}
