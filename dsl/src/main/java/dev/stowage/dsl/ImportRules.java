package dev.stowage.dsl;

import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
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
          } else if (request.statement() instanceof Platform
              && Imports.visibleFrom(imported).stream().noneMatch(ImportRules::bringsDevices)) {
            report.accept(Messages.notImportable(at, request.target(), "it declares no platform"));
          }
        }
      }
    }
  }

  /** Imports that change nothing, of a plan; those of a library are for whoever imports it. */
  static void checkUse(Script script, List<EObject> tree, Consumer<Diagnostic> report) {
    Map<String, EObject> first = new HashMap<>();
    Set<Resource> used = used(tree);
    boolean plan = script.getHeader() != null && script.getHeader().getKind() == HeaderKind.PLAN;
    for (Imports.Request request : Imports.of(script)) {
      if (!(request.statement() instanceof Import)) {
        continue;
      }
      EObject before = first.putIfAbsent(request.target(), request.statement());
      SourceSpan at = Spans.of(request.statement());
      if (before != null) {
        report.accept(Messages.importedTwice(at, request.target(), Spans.of(before)));
      } else if (plan
          && Imports.follow(request) instanceof Imports.Found.File(Script imported)
          && Imports.visibleFrom(imported).stream()
              .noneMatch(one -> used.contains(one.eResource()) || bringsDevices(one))) {
        report.accept(Messages.unusedImport(at, request.target()));
      }
    }
  }

  private static boolean bringsDevices(Script imported) {
    return imported.getStatements().stream().anyMatch(Platform.class::isInstance);
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
