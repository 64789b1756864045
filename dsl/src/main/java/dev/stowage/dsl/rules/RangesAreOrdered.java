package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Interval;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.IndexRange;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.Selector;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** The first end of a range is not above the last: 3..9, layers[3..5] (SW107). */
final class RangesAreOrdered implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    switch (object) {
      case Range range when Interval.of(range).isEmpty() -> {
        String step = range.getStep() == null ? "" : " step " + Spans.text(range.getStep());
        report.accept(
            Messages.emptyRange(
                Spans.of(range),
                Spans.text(range.getHigh()) + ".." + Spans.text(range.getLow()) + step));
      }
      case Selector selector ->
          Steps.known(selector).stream()
              .flatMap(segment -> segment.getIndices().stream())
              .filter(RangesAreOrdered::falls)
              .map(range -> Messages.emptyRange(Spans.of(range)))
              .forEach(report);
      default -> {}
    }
  }

  private static boolean falls(IndexRange range) {
    // a missing last index reads as 0, so the text decides whether there is one
    return NodeModelUtils.getTokenText(NodeModelUtils.getNode(range)).contains("..")
        && range.getLast() < range.getFirst();
  }
}
