package dev.stowage.dsl;

import dev.stowage.dsl.script.Script;
import java.util.List;
import java.util.Objects;

/**
 * A file as read.
 *
 * @param root the tree; never null, empty when nothing could be read
 * @param diagnostics in reading order
 */
public record Parsed(Script root, List<Diagnostic> diagnostics) {
  public Parsed {
    Objects.requireNonNull(root, "root");
    diagnostics = List.copyOf(diagnostics);
  }

  public boolean hasErrors() {
    return diagnostics.stream().anyMatch(Diagnostic::isError);
  }
}
