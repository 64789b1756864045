package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A selector names parts that a model has, from the whole inwards: layers[*].attn.q (SW103). */
final class SelectorsNameParts implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Selector selector) {
      for (Steps.Step step : Steps.of(selector)) {
        if (!step.isKnown()) {
          report.accept(
              Messages.unknownWord(
                  nameOf(step.segment()), step.of(), step.segment().getName(), step.due()));
        }
      }
    }
  }

  private static SourceSpan nameOf(Segment segment) {
    return Spans.of(segment, segment.eClass().getEStructuralFeature("name"))
        .orElseGet(() -> Spans.of(segment));
  }
}
