package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Facts;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Property;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A device, a type or a link says each property once, or once a data type and size (SW104). */
final class PropertiesAreSetOnce implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Device device -> twice(device.getProperties(), report);
      case DeviceType type -> twice(type.getProperties(), report);
      case Link link -> twice(link.getProperties(), report);
      default -> {}
    }
  }

  private static void twice(List<Property> properties, Consumer<Diagnostic> report) {
    Map<String, Property> first = new HashMap<>();
    for (Property property : properties) {
      String name = property.isEmulated() ? "emulated" : property.getName();
      if (name == null) {
        continue;
      }
      String key = Facts.key(property);
      Property before = first.putIfAbsent(key, property);
      if (before != null) {
        report.accept(
            Messages.setTwice(
                Spans.of(property),
                name,
                Spans.of(before),
                Spans.text(property).equals(Spans.text(before))));
      }
    }
  }
}
