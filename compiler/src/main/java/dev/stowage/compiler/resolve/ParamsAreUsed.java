package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Script;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/** Some statement says what a parameter says (SW401). */
final class ParamsAreUsed implements Lint {
  @Override
  public void check(Script script, Statements statements, Consumer<Diagnostic> report) {
    Set<Param> used = new HashSet<>();
    script
        .eAllContents()
        .forEachRemaining(
            object -> {
              if (object instanceof ParamRef reference) {
                used.add(reference.getParam());
              }
            });
    for (var statement : script.getStatements()) {
      if (statement instanceof Param param && !used.contains(param)) {
        report.accept(Messages.unusedParameter(Spans.of(param), param.getName()));
      }
    }
  }
}
