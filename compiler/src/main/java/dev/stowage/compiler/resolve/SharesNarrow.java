package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Source;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A later share allows less than the earlier ones do (SW403). */
final class SharesNarrow implements ShareRule {
  @Override
  public void check(
      List<Bounds.Share> shares, Map<Source, SourceSpan> spans, Consumer<Diagnostic> report) {
    for (int i = 0; i < shares.size(); i++) {
      var later = shares.get(i);
      for (var earlier : shares.subList(0, i)) {
        if (ShareRule.isAlike(earlier, later)
            && earlier.atLeast() >= later.atLeast()
            && earlier.atMost() <= later.atMost()) {
          report.accept(
              Messages.redundant(
                  spans.get(later.source()),
                  later.source().text(),
                  earlier.source().text(),
                  spans.get(earlier.source())));
          break;
        }
      }
    }
  }
}
