package dev.stowage.dsl;

import dev.stowage.dsl.script.Script;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.resource.Resource;

/** Every import leads to a file that can be read, and none leads back. */
final class ImportRules {
  private ImportRules() {}

  static void check(Script script, Consumer<Diagnostic> report) {
    for (Imports.Request request : Imports.of(script)) {
      SourceSpan at =
          Spans.of(request.statement(), request.feature())
              .orElseGet(() -> Spans.of(request.statement()));
      switch (Imports.follow(request)) {
        case Imports.Found.UnknownEntry() ->
            report.accept(Messages.unknownEntry(at, request.target(), Library.entries()));
        case Imports.Found.NotImportable(String why) ->
            report.accept(Messages.notImportable(at, request.target(), why));
        case Imports.Found.Unreadable(String why) ->
            report.accept(Messages.notImportable(at, request.target(), why));
        case Imports.Found.File(Script imported) -> {
          if (leadsTo(imported, script.eResource())) {
            report.accept(Messages.importCycle(at, request.target()));
          }
        }
      }
    }
  }

  private static boolean leadsTo(Script start, Resource goal) {
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
