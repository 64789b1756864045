package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.script.Script;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A file as the rules see it, walked once for all of them.
 *
 * @param objects the script, then all that is in it, in reading order; every reference resolved
 */
public record ScriptTree(Script script, List<EObject> objects) {

  /** Walks a script and resolves its references, those that lead to other files too. */
  public static ScriptTree of(Script script) {
    var objects = new ArrayList<EObject>();
    objects.add(script);
    script.eAllContents().forEachRemaining(objects::add);
    objects.forEach(object -> object.eCrossReferences().forEach(EObject::eClass));
    return new ScriptTree(script, objects);
  }

  /** Holds every object against every one of the rules. */
  public void check(List<Rule> rules, Consumer<Diagnostic> report) {
    for (EObject object : objects) {
      for (Rule rule : rules) {
        rule.check(object, this, report);
      }
    }
  }
}
