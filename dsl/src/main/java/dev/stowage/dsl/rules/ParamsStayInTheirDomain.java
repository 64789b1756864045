package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Interval;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.ValueSet;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * What a param is set to, where it is declared or in a variant or test, is one of the values that
 * it may have (SW107).
 */
final class ParamsStayInTheirDomain implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Param param when Vocabulary.paramTypes().containsKey(param.getType()) ->
          within(param, param.getValue(), report);
      case Setting setting when setting.getTarget() instanceof Param param && !param.eIsProxy() ->
          within(param, setting.getValue(), report);
      default -> {}
    }
  }

  private static void within(Param param, ValueSet value, Consumer<Diagnostic> report) {
    if (param.getDomain() != null
        && Interval.of(value).and(Interval.of(param.getDomain())).isEmpty()) {
      report.accept(
          Messages.outsideDomain(Spans.of(value), param.getName(), Spans.of(param.getDomain())));
    }
  }
}
