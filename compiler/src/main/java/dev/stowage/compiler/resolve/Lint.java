package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.script.Script;
import java.util.List;
import java.util.function.Consumer;

/** One way in which a statement is without effect, whatever the optimizer finds, in any variant. */
interface Lint {
  /** All of them, in the order in which they speak. */
  List<Lint> ALL =
      List.of(new ParamsAreUsed(), new DevicesAreUsed(), new OverridesReplaceSomething());

  /**
   * Looks at a plan.
   *
   * @param script the plan
   * @param statements those that hold in the variant or test that is compiled
   * @param report takes what is without effect
   */
  void check(Script script, Statements statements, Consumer<Diagnostic> report);
}
