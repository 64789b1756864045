package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Imports;
import dev.stowage.dsl.Library;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * An import names an entry of the library (SW110), or a file that can be read and, where it is for
 * its platform, has one (SW111).
 */
final class ImportsAreReadable implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      for (Imports.Request request : Imports.of(script)) {
        readable(request, script, report);
      }
    }
  }

  private static void readable(
      Imports.Request request, Script script, Consumer<Diagnostic> report) {
    SourceSpan at = ImportPaths.at(request);
    switch (Imports.follow(request)) {
      case Imports.Found.UnknownEntry() ->
          report.accept(Messages.unknownEntry(at, request.target(), Library.entries()));
      case Imports.Found.NotImportable(String why) ->
          report.accept(Messages.notImportable(at, request.target(), why));
      case Imports.Found.Unreadable(String why) ->
          report.accept(Messages.notImportable(at, request.target(), why));
      case Imports.Found.File(Script imported) -> {
        if (request.statement() instanceof Platform
            && !ImportPaths.leadsTo(imported, script.eResource())
            && Imports.visibleFrom(imported).stream().noneMatch(ImportPaths::bringsDevices)) {
          report.accept(Messages.notImportable(at, request.target(), "it declares no platform"));
        }
      }
    }
  }
}
