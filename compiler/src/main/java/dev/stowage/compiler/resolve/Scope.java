package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Device;
import dev.stowage.optimizer.Source;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import java.util.List;
import java.util.Map;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/**
 * What statements about places, time and goals are resolved with, once machine and model are known.
 *
 * @param diagnostics grows
 * @param spans the text behind each source; grows
 * @param canRun whether the plan has weights: what no executor does is an error then
 */
record Scope(
    Values values,
    List<Diagnostic> diagnostics,
    Map<Source, SourceSpan> spans,
    Machines machines,
    Machine machine,
    ModelShape shape,
    boolean canRun) {
  void report(Diagnostic diagnostic) {
    diagnostics.add(diagnostic);
  }

  /** Names of devices, and of the members of arrays. */
  List<String> names(List<Device> devices) {
    return devices.stream().flatMap(device -> machines.names(device).stream()).toList();
  }

  /** The optimizer's tag of a statement; its span is kept for what the optimizer says of it. */
  Source source(EObject statement) {
    return source(statement, text(statement));
  }

  /** The same, with words that stand for the statement. */
  Source source(EObject statement, String words) {
    var span = Spans.of(statement);
    var source = new Source(span.file(), span.offset(), span.length(), words);
    spans.put(source, span);
    return source;
  }

  /** A statement as written, on one line. */
  static String text(EObject object) {
    return NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(object))
        .replaceAll("\\s+", " ")
        .strip();
  }
}
