package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Imports;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Script;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** No file is imported twice (SW421). */
final class ImportsAreWrittenOnce implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      Map<String, EObject> first = new HashMap<>();
      for (Imports.Request request : Imports.of(script)) {
        if (request.statement() instanceof Import) {
          EObject before = first.putIfAbsent(request.target(), request.statement());
          if (before != null) {
            report.accept(
                Messages.importedTwice(
                    Spans.of(request.statement()), request.target(), Spans.of(before)));
          }
        }
      }
    }
  }
}
