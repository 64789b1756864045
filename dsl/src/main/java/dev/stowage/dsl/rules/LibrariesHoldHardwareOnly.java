package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A library holds params, device types, platforms and imports, and nothing that decides (SW116).
 */
final class LibrariesHoldHardwareOnly implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      if (script.getHeader() == null || script.getHeader().getKind() != HeaderKind.LIBRARY) {
        return;
      }
      script.getStatements().stream()
          .filter(statement -> !mayBeInLibrary(statement))
          .map(statement -> Messages.notInLibrary(Spans.of(statement)))
          .forEach(report);
    }
  }

  private static boolean mayBeInLibrary(Statement statement) {
    return statement instanceof Import
        || statement instanceof Param
        || statement instanceof DeviceType
        || statement instanceof Platform;
  }
}
