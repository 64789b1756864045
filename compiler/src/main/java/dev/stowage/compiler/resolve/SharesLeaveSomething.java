package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Source;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Two shares together allow something; where they leave nothing, both places are cited (SW134). */
final class SharesLeaveSomething implements ShareRule {
  @Override
  public void check(
      List<Bounds.Share> shares, Map<Source, SourceSpan> spans, Consumer<Diagnostic> report) {
    for (int i = 0; i < shares.size(); i++) {
      var other = shares.get(i);
      for (var one : shares.subList(0, i)) {
        if (ShareRule.isAlike(one, other)
            && Math.max(one.atLeast(), other.atLeast()) > Math.min(one.atMost(), other.atMost())) {
          report.accept(
              Messages.nothingLeft(
                  spans.get(other.source()),
                  other.thing().word() + " on " + String.join(", ", other.devices()),
                  spans.get(one.source())));
        }
      }
    }
  }
}
