package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Workload;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** What is set of a device or workload is named: t4.memory, not t4 (SW108). */
final class SettingsNameAValue implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Setting setting && setting.getProperty() == null) {
      switch (setting.getTarget()) {
        case Device device when !device.eIsProxy() ->
            unnamed(
                setting,
                device.getName(),
                Vocabulary.deviceProperties(device.getKind()),
                "device",
                report);
        case Workload workload when !workload.eIsProxy() ->
            unnamed(setting, workload.getName(), Vocabulary.workloadItems(), "workload", report);
        case null, default -> {}
      }
    }
  }

  private static void unnamed(
      Setting setting,
      String name,
      Map<String, Vocabulary.Entry> known,
      String kind,
      Consumer<Diagnostic> report) {
    report.accept(
        Messages.outOfBounds(
            Spans.of(setting),
            "what is set of the %s '%s'".formatted(kind, name),
            "named: " + name + "." + known.keySet().iterator().next() + " = …"));
  }
}
