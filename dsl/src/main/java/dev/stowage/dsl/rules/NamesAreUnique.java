package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Imports;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;

/**
 * No name is given twice, here and in what is imported (SW102). Devices, params and workloads share
 * one space of names, since a setting may name any of them.
 */
final class NamesAreUnique implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      Map<String, EObject> first = new HashMap<>();
      for (Script other : Imports.visibleFrom(script).reversed()) {
        for (Statement statement : other.getStatements()) {
          declare(statement, other == script, first, report);
        }
      }
    }
  }

  private static void declare(
      Statement statement, boolean own, Map<String, EObject> first, Consumer<Diagnostic> report) {
    switch (statement) {
      case Platform platform ->
          platform.getElements().stream()
              .filter(Device.class::isInstance)
              .map(Device.class::cast)
              .filter(device -> !refines(device, platform, first.get(device.getName())))
              .forEach(
                  device -> declare(device, "device", "", device.getName(), own, first, report));
      case Param param -> declare(param, "param", "", param.getName(), own, first, report);
      case Workload workload ->
          declare(workload, "workload", "", workload.getName(), own, first, report);
      case Model model -> declare(model, "model", "model ", model.getName(), own, first, report);
      case Variant variant when own ->
          declare(variant, "variant", "variant ", variant.getName(), own, first, report);
      case Test test when own -> declare(test, "test", "test ", test.getName(), own, first, report);
      case DeviceType type when own ->
          declare(type, "device type", "type ", type.getName(), own, first, report);
      default -> {}
    }
  }

  /** A platform from a file may say more of the devices of that file. */
  private static boolean refines(Device device, Platform platform, EObject before) {
    return platform.getImportURI() != null
        && before instanceof Device base
        && base.eResource() != device.eResource()
        && base.getKind() == device.getKind();
  }

  private static void declare(
      EObject object,
      String kind,
      String space,
      String name,
      boolean own,
      Map<String, EObject> first,
      Consumer<Diagnostic> report) {
    if (name == null) {
      return;
    }
    EObject before = first.putIfAbsent(space + name, object);
    if (before != null && own) {
      report.accept(Messages.duplicateName(nameOf(object), kind, name, nameOf(before)));
    }
  }

  private static SourceSpan nameOf(EObject object) {
    EStructuralFeature name = object.eClass().getEStructuralFeature("name");
    return Spans.of(object, name).orElseGet(() -> Spans.of(object));
  }
}
