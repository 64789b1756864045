package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Ratio;
import java.math.BigDecimal;
import java.util.Optional;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * The part of the cache that sparse attention reads is more than nothing and at most all (SW108).
 */
final class PartsAreOfAWhole implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Ratio ratio && ratio.getNumerator() != null) {
      BigDecimal whole =
          ratio.isPercent()
              ? BigDecimal.valueOf(100)
              : Optional.ofNullable(ratio.getDenominator()).orElse(BigDecimal.ONE);
      if (ratio.getNumerator().signum() <= 0 || ratio.getNumerator().compareTo(whole) > 0) {
        report.accept(
            Messages.outOfBounds(
                Spans.of(ratio), "a part", "more than nothing, at most the whole"));
      }
    }
  }
}
