package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Workload;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * A property is one that its device or link has, and a setting names one of what it sets (SW103).
 */
final class PropertiesExist implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Property property when property.getName() != null -> {
        List<String> known = List.copyOf(Owners.propertiesOf(property.eContainer()).keySet());
        Words.check(
            property,
            ScriptPackage.Literals.PROPERTY__NAME,
            "property of a " + Owners.describe(property.eContainer()),
            known,
            report);
      }
      case Property property -> emulated(property, report);
      case Setting setting -> setting(setting, report);
      default -> {}
    }
  }

  private static void emulated(Property property, Consumer<Diagnostic> report) {
    if (property.isEmulated() && Owners.kindOf(property.eContainer()) != DeviceKind.CSD) {
      report.accept(
          Messages.unknownWord(
              Spans.of(property),
              "property of this",
              "emulated",
              List.copyOf(Owners.propertiesOf(property.eContainer()).keySet())));
    }
  }

  private static void setting(Setting setting, Consumer<Diagnostic> report) {
    switch (setting.getTarget()) {
      case Param param when !param.eIsProxy() ->
          word(setting, "part of a param", List.of(), report);
      case Device device when !device.eIsProxy() ->
          word(
              setting,
              "value of a device",
              values(Vocabulary.deviceProperties(device.getKind())),
              report);
      case Workload workload when !workload.eIsProxy() ->
          word(setting, "value of a workload", values(Vocabulary.workloadItems()), report);
      case null, default -> {}
    }
  }

  private static void word(
      Setting setting, String what, List<String> known, Consumer<Diagnostic> report) {
    Words.check(setting, ScriptPackage.Literals.SETTING__PROPERTY, what, known, report);
  }

  private static List<String> values(Map<String, Vocabulary.Entry> known) {
    return known.entrySet().stream()
        .filter(one -> !one.getValue().isText() && !Vocabulary.onlyCurve(one.getKey()))
        .map(Map.Entry::getKey)
        .toList();
  }
}
