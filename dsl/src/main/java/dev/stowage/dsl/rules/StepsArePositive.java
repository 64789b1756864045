package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Range;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** The step of a range is more than zero (SW107). */
final class StepsArePositive implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Range range
        && range.getStep() instanceof Quantity step
        && step.getNumber() != null
        && step.getNumber().signum() <= 0) {
      report.accept(Messages.stepNotPositive(Spans.of(step)));
    }
  }
}
