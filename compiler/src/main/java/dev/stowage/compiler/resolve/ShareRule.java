package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Source;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** One thing that is asked of a later share about the bytes and devices of an earlier one. */
interface ShareRule {
  /** All of them, in the order in which they speak. */
  List<ShareRule> ALL = List.of(new SharesLeaveSomething(), new SharesNarrow());

  /**
   * Looks at all shares of a plan.
   *
   * @param shares in the order written
   * @param spans the text of each
   * @param report takes what is wrong
   */
  void check(List<Bounds.Share> shares, Map<Source, SourceSpan> spans, Consumer<Diagnostic> report);

  /** Whether two shares speak of the same. */
  static boolean isAlike(Bounds.Share one, Bounds.Share other) {
    return one.thing().equals(other.thing()) && one.devices().equals(other.devices());
  }
}
