package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.WorkloadItem;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A text stands where a text is due, a value where a value is, a word, one value or a distribution
 * alike (SW106).
 */
final class FormsFit implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Property property when property.getName() != null -> property(property, report);
      case ModelOption option -> modelOption(option, report);
      case WorkloadItem item when item.getName() != null && item.getDistribution() != null -> {
        Vocabulary.Entry entry = Vocabulary.workloadItems().get(item.getName());
        if (entry != null && !entry.dimensions().contains(Dimension.TOKENS)) {
          report.accept(
              Messages.wrongUnit(
                  Spans.of(item.getDistribution()), item.getName(), "one value", "a distribution"));
        }
      }
      default -> {}
    }
  }

  private static void property(Property property, Consumer<Diagnostic> report) {
    Vocabulary.Entry entry = Owners.propertiesOf(property.eContainer()).get(property.getName());
    if (entry == null) {
      return;
    }
    if (property.getPrecision() != null && !entry.dimensions().contains(Dimension.COMPUTE)) {
      Spans.of(property, ScriptPackage.Literals.PROPERTY__PRECISION)
          .map(
              at ->
                  Messages.wrongUnit(at, property.getName(), "the same for every type", "per type"))
          .ifPresent(report);
    }
    if (property.getAt() != null
        && (Vocabulary.curve(property.getName()).isEmpty()
            || Owners.kindOf(property.eContainer()) == DeviceKind.CSD)) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(property.getAt()),
              property.getName(),
              "the same at every size",
              "one at a size"));
    }
    boolean typed = entry.dimensions().contains(Dimension.COMPUTE);
    if (Vocabulary.onlyCurve(property.getName())
        && (property.getAt() == null || typed && property.getPrecision() == null)) {
      String size =
          Vocabulary.curve(property.getName()).orElseThrow() == Dimension.TOKENS
              ? "16 tok"
              : "16 MiB";
      report.accept(
          Messages.wrongUnit(
              Spans.of(property),
              property.getName(),
              typed
                  ? "a rate of a data type at a size, such as %s(fp16) at %s"
                      .formatted(property.getName(), size)
                  : "a rate at a size, such as %s at %s".formatted(property.getName(), size),
              "a single rate"));
    }
    if (entry.isText() && property.getValue() != null) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(property.getValue()),
              property.getName(),
              "a text in \"quotes\"",
              "a value"));
    } else if (!entry.isText() && property.getText() != null) {
      Spans.of(property, ScriptPackage.Literals.PROPERTY__TEXT)
          .map(
              at ->
                  Messages.wrongUnit(
                      at, property.getName(), Measures.words(entry.dimensions()), "a text"))
          .ifPresent(report);
    }
  }

  private static void modelOption(ModelOption option, Consumer<Diagnostic> report) {
    if ("dtype".equals(option.getName()) && option.getWord() == null) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(option), "dtype", String.join(", ", Vocabulary.DTYPES), "this"));
    } else if ("context".equals(option.getName()) && option.getValue() == null) {
      report.accept(
          Messages.wrongUnit(Spans.of(option), "context", Dimension.TOKENS.words(), "this"));
    }
  }
}
