package dev.stowage.dsl.ide;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.script.Script;
import java.nio.file.Path;
import java.util.List;

/**
 * Finds more in a plan than the language itself can, such as what the compiler knows of models and
 * machines. Found by {@code ServiceLoader}; asked only about files without errors, in the thread
 * that checks, so an answer takes milliseconds.
 */
public interface DiagnosticSource {
  /**
   * Looks at a linked tree without errors.
   *
   * @param script the tree, which stays as it is
   * @param file where it lies, or would lie when it is not saved yet
   */
  List<Diagnostic> find(Script script, Path file);
}
