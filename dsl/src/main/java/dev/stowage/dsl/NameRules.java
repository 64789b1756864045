package dev.stowage.dsl;

import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;
import org.eclipse.emf.ecore.EStructuralFeature;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** Every name that is used exists, and no name is given twice. */
final class NameRules {
  private static final Map<EClass, String> KINDS =
      Map.of(
          ScriptPackage.Literals.DEVICE, "device",
          ScriptPackage.Literals.DEVICE_TYPE, "device type",
          ScriptPackage.Literals.PARAM, "param",
          ScriptPackage.Literals.VARIANT, "variant",
          ScriptPackage.Literals.SETTABLE, "param, device or workload");

  private static final int MOST_UNKNOWN = 100;

  private final Script script;
  private final Map<EClass, List<String>> known = new HashMap<>();
  private int unknown;

  private NameRules(Script script) {
    this.script = script;
  }

  /**
   * @param tree all objects of the script
   */
  static void check(Script script, List<EObject> tree, Consumer<Diagnostic> report) {
    new NameRules(script).unresolved(tree, report);
    duplicates(script, report);
  }

  private void unresolved(List<EObject> tree, Consumer<Diagnostic> report) {
    for (EObject object : tree) {
      for (EReference reference : object.eClass().getEAllReferences()) {
        if (!reference.isContainment() && !reference.isContainer()) {
          unresolved(object, reference, report);
        }
      }
    }
  }

  private void unresolved(EObject object, EReference reference, Consumer<Diagnostic> report) {
    List<?> targets =
        reference.isMany()
            ? (List<?>) object.eGet(reference)
            : object.eGet(reference) == null ? List.of() : List.of(object.eGet(reference));
    if (targets.stream().noneMatch(target -> ((EObject) target).eIsProxy())) {
      return;
    }
    List<INode> nodes = NodeModelUtils.findNodesForFeature(object, reference);
    for (int i = 0; i < Math.min(targets.size(), nodes.size()); i++) {
      if (((EObject) targets.get(i)).eIsProxy()) {
        report.accept(
            unknown(
                Spans.of(nodes.get(i), object.eResource()),
                reference.getEReferenceType(),
                NodeModelUtils.getTokenText(nodes.get(i))));
      }
    }
  }

  private Diagnostic unknown(SourceSpan at, EClass wanted, String name) {
    String entry = wanted == ScriptPackage.Literals.DEVICE_TYPE ? Library.types().get(name) : null;
    return entry != null && script.getHeader() != null
        ? Messages.notImported(at, name, entry, afterImports())
        : Messages.unknownName(at, KINDS.getOrDefault(wanted, "element"), name, known(wanted));
  }

  /** Behind the last import, or behind the header. */
  private SourceSpan afterImports() {
    EObject last = script.getHeader();
    for (Statement statement : script.getStatements()) {
      last = statement instanceof Import ? statement : last;
    }
    return Spans.endOfLine(last);
  }

  /** What the name could have been; nothing once a file has shown that it is none of ours. */
  private List<String> known(EClass wanted) {
    return ++unknown > MOST_UNKNOWN
        ? List.of()
        : known.computeIfAbsent(
            wanted,
            kind ->
                VisibleNames.visible(script, kind).stream()
                    .map(one -> one.getName().toString())
                    .toList());
  }

  private static void duplicates(Script script, Consumer<Diagnostic> report) {
    Map<String, EObject> first = new HashMap<>();
    List<Script> visible = Imports.visibleFrom(script);
    for (Script other : visible.reversed()) {
      for (Statement statement : other.getStatements()) {
        declare(statement, other == script, first, report);
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

  /** Devices, params and workloads share one space of names, since a setting may name any. */
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
