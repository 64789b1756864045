package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;

/** Words that the language does not reserve, held against those that mean something. */
final class Words {
  private Words() {}

  /** Reports the word in a feature of an object, if there is one and it is none of the known. */
  static void check(
      EObject object,
      EStructuralFeature feature,
      String what,
      List<String> known,
      Consumer<Diagnostic> report) {
    Object word = object.eGet(feature);
    if (word != null && !known.contains(word.toString())) {
      Spans.of(object, feature)
          .map(at -> Messages.unknownWord(at, what, word.toString(), known))
          .ifPresent(report);
    }
  }
}
