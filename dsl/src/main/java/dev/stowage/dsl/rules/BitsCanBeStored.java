package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.ScriptPackage;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A format of fewer bits has from 1 to 16 of them, in groups of 1 or more (SW108). */
final class BitsCanBeStored implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Quantize quantize) {
      if (quantize.getBits() < 1 || quantize.getBits() > MOST_BITS) {
        Spans.of(quantize, ScriptPackage.Literals.QUANTIZE__BITS)
            .map(at -> Messages.outOfBounds(at, "a number of bits", "from 1 to " + MOST_BITS))
            .ifPresent(report);
      }
      Spans.of(quantize, ScriptPackage.Literals.QUANTIZE__GROUP)
          .filter(_ -> quantize.getGroup() < 1)
          .map(at -> Messages.outOfBounds(at, "a group", "of 1 or more"))
          .ifPresent(report);
    }
  }

  private static final int MOST_BITS = 16;
}
