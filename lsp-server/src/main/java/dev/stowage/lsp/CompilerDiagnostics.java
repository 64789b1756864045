package dev.stowage.lsp;

import dev.stowage.compiler.Settings;
import dev.stowage.compiler.resolve.Resolver;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.ide.DiagnosticSource;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.Script;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the compiler says of a plan before it solves it: facts about hardware and model, and what
 * cannot be carried out. Whether a plan fits is found by compiling it.
 */
public final class CompilerDiagnostics implements DiagnosticSource {

  @Override
  public List<Diagnostic> find(Script script, Path file) {
    return script.getHeader() != null && script.getHeader().getKind() == HeaderKind.PLAN
        ? Resolver.resolve(script, file, Settings.none(), Optional.empty()).diagnostics()
        : List.of();
  }
}
