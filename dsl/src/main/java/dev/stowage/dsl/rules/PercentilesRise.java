package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Interval;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Distribution;
import dev.stowage.dsl.script.Percentile;
import dev.stowage.dsl.script.PercentileName;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** No percentile of a distribution is less than a lower one (SW120). */
final class PercentilesRise implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Distribution distribution) {
      var values = new EnumMap<PercentileName, BigDecimal>(PercentileName.class);
      for (Percentile point : distribution.getPoints()) {
        Interval value = Interval.of(point.getValue());
        if (value.low() != null) {
          values.put(point.getAt(), value.low());
        }
      }
      List<BigDecimal> rising = new ArrayList<>(values.values());
      if (!rising.equals(rising.stream().sorted().toList())) {
        report.accept(Messages.percentilesFall(Spans.of(distribution)));
      }
    }
  }
}
