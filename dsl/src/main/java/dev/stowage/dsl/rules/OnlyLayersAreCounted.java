package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** Of the parts of a model only its layers have numbers (SW108). */
final class OnlyLayersAreCounted implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Selector selector) {
      for (Segment segment : Steps.known(selector)) {
        boolean indexed = segment.isAll() || !segment.getIndices().isEmpty();
        if (indexed && !segment.getName().equals("layers")) {
          report.accept(
              Messages.outOfBounds(Spans.of(segment), "'" + segment.getName() + "'", "one thing"));
        }
      }
    }
  }
}
