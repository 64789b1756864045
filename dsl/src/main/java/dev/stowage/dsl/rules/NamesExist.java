package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Library;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.VisibleNames;
import dev.stowage.dsl.script.DeviceArgument;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** Every name that is used is one of this file or of those that it imports (SW101). */
final class NamesExist implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      new Search(script).unresolved(tree.objects(), report);
    }
  }

  private static final Map<EClass, String> KINDS =
      Map.of(
          ScriptPackage.Literals.DEVICE, "device",
          ScriptPackage.Literals.DEVICE_TYPE, "device type",
          ScriptPackage.Literals.PARAM, "param",
          ScriptPackage.Literals.VARIANT, "variant",
          ScriptPackage.Literals.SETTABLE, "param, device or workload");

  private static final int MOST_UNKNOWN = 100;

  /** One look through a file: names that were listed once are not listed again. */
  private static final class Search {
    private final Script script;
    private final Map<EClass, List<String>> known = new HashMap<>();
    private int unknown;

    Search(Script script) {
      this.script = script;
    }

    private void unresolved(List<EObject> tree, Consumer<Diagnostic> report) {
      for (EObject object : tree) {
        if (object instanceof DeviceArgument argument
            && MetricsHaveTheirArguments.hasNoDevice(argument)) {
          continue; // SW119 says so
        }
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
      String entry =
          wanted == ScriptPackage.Literals.DEVICE_TYPE ? Library.types().get(name) : null;
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
  }
}
