package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.ScriptPackage;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** No device type is based on itself, directly or through others (SW122). */
final class TypesAreNotBasedOnThemselves implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof DeviceType type) {
      Set<DeviceType> seen = new HashSet<>();
      DeviceType next = type.getBase();
      while (next != null && !next.eIsProxy() && seen.add(next)) {
        if (next == type) {
          Spans.of(type, ScriptPackage.Literals.DEVICE_TYPE__BASE)
              .map(at -> Messages.typeCycle(at, type.getName()))
              .ifPresent(report);
        }
        next = next.getBase();
      }
    }
  }
}
