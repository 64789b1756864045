package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Imports;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Script;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.resource.Resource;

/**
 * Something of every import of a plan is used (SW422); those of a library are for whoever imports
 * it.
 */
final class ImportsAreUsed implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script
        && script.getHeader() != null
        && script.getHeader().getKind() == HeaderKind.PLAN) {
      Set<String> seen = new HashSet<>();
      Set<Resource> used = used(tree.objects());
      for (Imports.Request request : Imports.of(script)) {
        if (request.statement() instanceof Import
            && seen.add(request.target())
            && Imports.follow(request) instanceof Imports.Found.File(Script imported)
            && Imports.visibleFrom(imported).stream()
                .noneMatch(
                    one -> used.contains(one.eResource()) || ImportPaths.bringsDevices(one))) {
          report.accept(Messages.unusedImport(Spans.of(request.statement()), request.target()));
        }
      }
    }
  }

  /** The files that the references of a file lead to. */
  private static Set<Resource> used(List<EObject> tree) {
    Set<Resource> used = new HashSet<>();
    for (EObject object : tree) {
      for (EObject target : object.eCrossReferences()) {
        used.add(target.eIsProxy() ? null : target.eResource());
      }
    }
    return used;
  }
}
