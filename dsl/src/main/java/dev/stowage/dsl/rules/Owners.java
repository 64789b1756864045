package dev.stowage.dsl.rules;

import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Link;
import java.util.Map;
import org.eclipse.emf.ecore.EObject;

/** What devices, their types and links may say of themselves. */
final class Owners {
  private Owners() {}

  static Map<String, Vocabulary.Entry> propertiesOf(EObject owner) {
    DeviceKind kind = kindOf(owner);
    return owner instanceof Link || kind == null
        ? Vocabulary.linkProperties()
        : Vocabulary.deviceProperties(kind);
  }

  static DeviceKind kindOf(EObject owner) {
    return switch (owner) {
      case Device device -> device.getKind();
      case DeviceType type -> type.getKind();
      default -> null;
    };
  }

  static String describe(EObject owner) {
    DeviceKind kind = kindOf(owner);
    return kind == null ? "link" : kind.getLiteral();
  }
}
