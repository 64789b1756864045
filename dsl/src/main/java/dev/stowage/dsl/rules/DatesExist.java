package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Provenance;
import dev.stowage.dsl.script.ScriptPackage;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** The day that a rate was measured on is one of the calendar (SW121). */
final class DatesExist implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Provenance provenance && provenance.getDate() != null) {
      try {
        LocalDate.parse(provenance.getDate());
      } catch (DateTimeException e) {
        Spans.of(provenance, ScriptPackage.Literals.PROVENANCE__DATE)
            .map(Messages::noSuchDay)
            .ifPresent(report);
      }
    }
  }
}
