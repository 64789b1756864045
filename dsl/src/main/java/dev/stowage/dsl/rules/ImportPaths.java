package dev.stowage.dsl.rules;

import dev.stowage.dsl.Imports;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import org.eclipse.emf.ecore.resource.Resource;

/** Where imports stand, and where they lead. */
final class ImportPaths {
  private ImportPaths() {}

  /** The text of the name that is imported. */
  static SourceSpan at(Imports.Request request) {
    return Spans.of(request.statement(), request.feature())
        .orElseGet(() -> Spans.of(request.statement()));
  }

  static boolean bringsDevices(Script imported) {
    return imported.getStatements().stream().anyMatch(Platform.class::isInstance);
  }

  /** Whether a file is another, or imports it, directly or not. */
  static boolean leadsTo(Script start, Resource goal) {
    Set<Resource> seen = new HashSet<>();
    var open = new ArrayDeque<Script>();
    open.add(start);
    while (!open.isEmpty()) {
      Script next = open.remove();
      if (next.eResource() == goal) {
        return true;
      }
      if (seen.add(next.eResource())) {
        for (Imports.Request request : Imports.of(next)) {
          if (Imports.follow(request) instanceof Imports.Found.File(Script imported)) {
            open.add(imported);
          }
        }
      }
    }
    return false;
  }
}
