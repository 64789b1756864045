package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Order;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Sparse;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.dsl.script.WriteBack;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A word that the language does not reserve is one that means something where it stands: a type, a
 * data type, an item, an order, a method or a metric (SW103).
 */
final class WordsAreKnown implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Param param ->
          Words.check(
              param,
              ScriptPackage.Literals.PARAM__TYPE,
              "type of a param",
              keys(Vocabulary.paramTypes()),
              report);
      case Property property -> precision(property, report);
      case ModelOption option -> modelOption(option, report);
      case WorkloadItem item ->
          Words.check(
              item,
              ScriptPackage.Literals.WORKLOAD_ITEM__NAME,
              "item of a workload",
              keys(Vocabulary.workloadItems()),
              report);
      case Order order ->
          Words.check(
              order, ScriptPackage.Literals.ORDER__ORDER, "order", Vocabulary.ORDERS, report);
      case WriteBack writeBack ->
          Words.check(
              writeBack,
              ScriptPackage.Literals.WRITE_BACK__ACTION,
              "action",
              List.of("write-back"),
              report);
      case Sparse sparse ->
          Words.check(
              sparse,
              ScriptPackage.Literals.SPARSE__METHOD,
              "sparse attention",
              Vocabulary.SPARSE_METHODS,
              report);
      case Approximate approximate ->
          Words.check(
              approximate,
              ScriptPackage.Literals.APPROXIMATE__METRIC,
              "measure of loss",
              Vocabulary.LOSS_METRICS,
              report);
      case Metric metric ->
          Words.check(
              metric,
              ScriptPackage.Literals.METRIC__NAME,
              "metric",
              keys(Vocabulary.metrics()),
              report);
      default -> {}
    }
  }

  private static void precision(Property property, Consumer<Diagnostic> report) {
    Vocabulary.Entry entry =
        property.getName() == null
            ? null
            : Owners.propertiesOf(property.eContainer()).get(property.getName());
    if (entry != null && entry.dimensions().contains(Dimension.COMPUTE)) {
      Words.check(
          property,
          ScriptPackage.Literals.PROPERTY__PRECISION,
          "data type",
          Vocabulary.onlyCurve(property.getName()) ? Vocabulary.CURVE_DTYPES : Vocabulary.DTYPES,
          report);
    }
  }

  private static void modelOption(ModelOption option, Consumer<Diagnostic> report) {
    Words.check(
        option,
        ScriptPackage.Literals.MODEL_OPTION__NAME,
        "option of a model",
        Vocabulary.MODEL_OPTIONS,
        report);
    if ("dtype".equals(option.getName())) {
      Words.check(
          option,
          ScriptPackage.Literals.MODEL_OPTION__WORD,
          "data type",
          Vocabulary.DTYPES,
          report);
    }
  }

  private static List<String> keys(Map<String, Vocabulary.Entry> known) {
    return List.copyOf(known.keySet());
  }
}
