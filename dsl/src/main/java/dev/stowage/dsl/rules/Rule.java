package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** One thing that the language asks of a file, or forbids; it holds nothing between two calls. */
public interface Rule {
  /**
   * Looks at one object, not at those inside of it; a rule about a whole file looks at its {@link
   * dev.stowage.dsl.script.Script}, which comes first.
   *
   * @param object one object of the tree
   * @param tree the file that it is of
   * @param report takes what is wrong with the object
   */
  void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report);
}
