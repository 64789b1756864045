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
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;
import org.eclipse.emf.ecore.util.EcoreUtil;

/**
 * No name is given twice, here and in what is imported (SW102). Devices, params and workloads share
 * one space of names, since a setting may name any of them. Two imported files that take the same
 * name are told of where a file imports both.
 */
final class NamesAreUnique implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      new Names(script, report).check();
    }
  }

  /** The names that one file sees. */
  private static final class Names {
    private final Script script;
    private final Consumer<Diagnostic> report;
    private final Map<String, EObject> first = new HashMap<>();

    Names(Script script, Consumer<Diagnostic> report) {
      this.script = script;
      this.report = report;
    }

    void check() {
      for (Script other : Imports.visibleFrom(script).reversed()) {
        for (Statement statement : other.getStatements()) {
          declare(statement, other == script);
        }
      }
    }

    private void declare(Statement statement, boolean own) {
      switch (statement) {
        case Platform platform ->
            platform.getElements().stream()
                .filter(Device.class::isInstance)
                .map(Device.class::cast)
                .filter(device -> !refines(device, platform, first.get(device.getName())))
                .forEach(device -> declare(device, "device", "", device.getName(), own));
        case Param param -> declare(param, "param", "", param.getName(), own);
        case Workload workload -> declare(workload, "workload", "", workload.getName(), own);
        case Model model -> declare(model, "model", "model ", model.getName(), own);
        case Variant variant when own ->
            declare(variant, "variant", "variant ", variant.getName(), own);
        case Test test when own -> declare(test, "test", "test ", test.getName(), own);
        case DeviceType type when own -> declare(type, "device type", "type ", type.getName(), own);
        default -> {}
      }
    }

    private void declare(EObject object, String kind, String space, String name, boolean own) {
      if (name == null) {
        return;
      }
      EObject before = first.putIfAbsent(space + name, object);
      if (before == null) {
        return;
      }
      if (own) {
        report.accept(Messages.duplicateName(nameOf(object), kind, name, nameOf(before)));
      } else {
        importedTwice(object, kind, name, before);
      }
    }

    /** Told where this file brings together what no imported file does by itself. */
    private void importedTwice(EObject object, String kind, String name, EObject before) {
      int last = -1;
      List<Imports.Request> requests = Imports.of(script);
      for (int i = 0; i < requests.size(); i++) {
        if (Imports.follow(requests.get(i)) instanceof Imports.Found.File(Script imported)) {
          List<Script> seen = Imports.visibleFrom(imported);
          boolean one = seen.contains(EcoreUtil.getRootContainer(before));
          boolean other = seen.contains(EcoreUtil.getRootContainer(object));
          if (one && other) {
            return;
          }
          last = one || other ? i : last;
        }
      }
      if (last >= 0) {
        Imports.Request request = requests.get(last);
        SourceSpan at =
            Spans.of(request.statement(), request.feature())
                .orElseGet(() -> Spans.of(request.statement()));
        report.accept(
            Messages.importedTwice(at, kind, name, List.of(nameOf(object), nameOf(before))));
      }
    }
  }

  /** A platform from a file may say more of the devices of that file. */
  private static boolean refines(Device device, Platform platform, EObject before) {
    return platform.getImportURI() != null
        && before instanceof Device base
        && base.eResource() != device.eResource()
        && base.getKind() == device.getKind();
  }

  private static SourceSpan nameOf(EObject object) {
    EStructuralFeature name = object.eClass().getEStructuralFeature("name");
    return Spans.of(object, name).orElseGet(() -> Spans.of(object));
  }
}
