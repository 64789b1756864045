package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Imports;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.script.Script;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** No import leads back to the file that it is in, directly or not (SW112). */
final class ImportsRunInNoCircle implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      for (Imports.Request request : Imports.of(script)) {
        if (Imports.follow(request) instanceof Imports.Found.File(Script imported)
            && ImportPaths.leadsTo(imported, script.eResource())) {
          report.accept(Messages.importCycle(ImportPaths.at(request), request.target()));
        }
      }
    }
  }
}
