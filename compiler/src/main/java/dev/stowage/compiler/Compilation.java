package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Resolved;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.optimizer.Placement;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.util.List;
import java.util.Objects;

/** How a compilation ends. */
public sealed interface Compilation {
  /** What there is to say of the plan, in reading order. */
  List<Diagnostic> diagnostics();

  /** The plan can be executed by a machine that has what it names. */
  record Compiled(
      ExecutablePlan plan,
      Schedule schedule,
      Resolved resolved,
      Placement placement,
      List<Diagnostic> diagnostics)
      implements Compilation {
    public Compiled {
      Objects.requireNonNull(plan);
      Objects.requireNonNull(schedule);
      Objects.requireNonNull(resolved);
      Objects.requireNonNull(placement);
      diagnostics = List.copyOf(diagnostics);
    }

    /** Whether something the plan expects is not so. */
    public boolean missesAnExpectation() {
      return diagnostics.stream().anyMatch(d -> d.code().startsWith("SW6") && d.isError());
    }
  }

  /** The text has errors. */
  record Erroneous(List<Diagnostic> diagnostics) implements Compilation {
    public Erroneous {
      diagnostics = List.copyOf(diagnostics);
    }
  }

  /**
   * The text is right, but no placement keeps all it says.
   *
   * @param limits what cannot be kept, in the words of the language: {@code memory(t4)}, {@code
   *     latency(block)}; empty where the search gave up
   */
  record Infeasible(List<String> limits, List<Diagnostic> diagnostics) implements Compilation {
    public Infeasible {
      limits = List.copyOf(limits);
      diagnostics = List.copyOf(diagnostics);
    }
  }
}
