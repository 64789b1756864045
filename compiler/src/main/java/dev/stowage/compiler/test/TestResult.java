package dev.stowage.compiler.test;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import java.util.List;
import java.util.Objects;

/**
 * What became of one test.
 *
 * @param name of a {@code test} block, as written; {@code plan}, or {@code variant NAME}, for what
 *     the plan and its variants expect of themselves
 * @param kind what was tested
 * @param span where it is written
 * @param failures why it did not pass; empty where it did
 * @param seconds that it took
 */
public record TestResult(
    String name, Kind kind, SourceSpan span, List<Diagnostic> failures, double seconds) {
  /** What was tested. */
  public enum Kind {
    /** The plan's own {@code expect} lines. */
    PLAN,
    /** Those of the plan and of a variant. */
    VARIANT,
    /** A {@code test} block. */
    TEST
  }

  public TestResult {
    Objects.requireNonNull(name);
    Objects.requireNonNull(kind);
    Objects.requireNonNull(span);
    failures = List.copyOf(failures);
  }

  public boolean passed() {
    return failures.isEmpty();
  }
}
