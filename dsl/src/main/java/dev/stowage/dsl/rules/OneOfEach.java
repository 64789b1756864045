package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Workload;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A plan has at most one model, one workload and one objective (SW115). */
final class OneOfEach implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      Map<String, Statement> first = new HashMap<>();
      script.getStatements().forEach(statement -> once(statement, first, report));
    }
  }

  private static void once(
      Statement statement, Map<String, Statement> first, Consumer<Diagnostic> report) {
    String what =
        switch (statement) {
          case Model _ -> "model";
          case Workload _ -> "workload";
          case Objective _ -> "objective";
          default -> null;
        };
    if (what != null) {
      Statement before = first.putIfAbsent(what, statement);
      if (before != null) {
        report.accept(Messages.onlyOne(Spans.of(statement), what, Spans.of(before)));
      }
    }
  }
}
