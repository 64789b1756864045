package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.ScriptPackage;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;

/** A device is of a type of its own kind, and so is what a type is based on (SW117). */
final class TypesAreOfTheirKind implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Device device ->
          fits(
              device,
              ScriptPackage.Literals.DEVICE__TYPE,
              device.getType(),
              device.getKind(),
              report);
      case DeviceType type ->
          fits(
              type,
              ScriptPackage.Literals.DEVICE_TYPE__BASE,
              type.getBase(),
              type.getKind(),
              report);
      default -> {}
    }
  }

  private static void fits(
      EObject object, EReference to, DeviceType type, DeviceKind due, Consumer<Diagnostic> report) {
    if (type != null && !type.eIsProxy() && type.getKind() != due) {
      Spans.of(object, to)
          .map(at -> Messages.wrongKind(at, type.getName(), due.getLiteral(), Spans.of(type)))
          .ifPresent(report);
    }
  }
}
