package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.MetricExpectation;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Percentile;
import dev.stowage.dsl.script.Prefetch;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Scalar;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Workload;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.dsl.script.WriteBack;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A value has the unit that is due where it stands: none is missing (SW105), and it measures what
 * is meant (SW106). A param measures what its type says.
 */
final class UnitsFit implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    var measures = new Measures(report);
    switch (object) {
      case Param param -> {
        Vocabulary.Entry type = Vocabulary.paramTypes().get(param.getType());
        measures.check(param.getValue(), "'" + param.getName() + "'", type);
        measures.check(param.getDomain(), "'" + param.getName() + "'", type);
      }
      case Property property when property.getName() != null -> {
        Vocabulary.Entry entry = Owners.propertiesOf(property.eContainer()).get(property.getName());
        if (entry != null && !entry.isText()) {
          measures.check(property.getValue(), property.getName(), entry);
        }
        Vocabulary.curve(property.getName())
            .ifPresent(due -> measures.check(property.getAt(), "a size", due));
      }
      case Device device ->
          measures.check(device.getCount(), "the number of devices", Dimension.COUNT);
      case ModelOption option when "context".equals(option.getName()) ->
          measures.check(option.getValue(), "context", Dimension.TOKENS);
      case WorkloadItem item -> {
        Vocabulary.Entry entry = Vocabulary.workloadItems().get(item.getName());
        measures.check(item.getValue(), item.getName(), entry);
        if (item.getDistribution() != null) {
          for (Percentile point : item.getDistribution().getPoints()) {
            measures.check(point.getValue(), item.getName(), entry);
          }
        }
      }
      case Share share -> measures.check(share.getAmount(), "what is placed", Dimension.SHARE);
      case Prefetch prefetch -> measures.check(prefetch.getDepth(), "a depth", Dimension.LAYERS);
      case WriteBack writeBack ->
          measures.check(writeBack.getInterval(), "an interval", Dimension.TOKENS);
      case Approximate approximate ->
          measures.check(approximate.getLoss(), "the loss that is allowed", Dimension.SHARE);
      case Constraint constraint -> metric(constraint.getValue(), constraint.getMetric(), measures);
      case MetricExpectation expectation -> {
        metric(expectation.getValue(), expectation.getMetric(), measures);
        metric(expectation.getReference(), expectation.getMetric(), measures);
        measures.check(expectation.getTolerance(), "a tolerance", Dimension.SHARE);
      }
      case Setting setting -> setting(setting, measures);
      default -> {}
    }
  }

  private static void metric(Scalar value, Metric metric, Measures measures) {
    if (metric != null) {
      measures.check(value, metric.getName(), Vocabulary.metrics().get(metric.getName()));
    }
  }

  private static void setting(Setting setting, Measures measures) {
    switch (setting.getTarget()) {
      case Param param when !param.eIsProxy() ->
          measures.check(
              setting.getValue(),
              "'" + param.getName() + "'",
              Vocabulary.paramTypes().get(param.getType()));
      case Device device when !device.eIsProxy() -> {
        Vocabulary.Entry entry =
            Vocabulary.deviceProperties(device.getKind()).get(setting.getProperty());
        if (entry != null && !entry.isText()) {
          measures.check(setting.getValue(), setting.getProperty(), entry);
        }
      }
      case Workload workload when !workload.eIsProxy() ->
          measures.check(
              setting.getValue(),
              setting.getProperty(),
              Vocabulary.workloadItems().get(setting.getProperty()));
      case null, default -> {}
    }
  }
}
