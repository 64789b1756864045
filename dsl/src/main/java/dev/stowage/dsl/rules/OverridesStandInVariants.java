package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Workload;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EAttribute;
import org.eclipse.emf.ecore.EObject;

/** 'override' stands in variants and tests, where there is something to replace (SW114). */
final class OverridesStandInVariants implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      script.getStatements().forEach(statement -> override(statement, report));
    }
  }

  private static void override(Statement statement, Consumer<Diagnostic> report) {
    boolean override =
        switch (statement) {
          case Workload it -> it.isOverride();
          case Place it -> it.isOverride();
          case Schedule it -> it.isOverride();
          case Approximate it -> it.isOverride();
          case Objective it -> it.isOverride();
          default -> false;
        };
    if (override) {
      EAttribute feature = (EAttribute) statement.eClass().getEStructuralFeature("override");
      Spans.of(statement, feature).map(Messages::misplacedOverride).ifPresent(report);
    }
  }
}
