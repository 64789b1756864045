package dev.stowage.compiler.test;

import dev.stowage.dsl.Diagnostic;
import java.util.List;

/**
 * What became of the tests of one file.
 *
 * @param diagnostics of the file itself; where one is an error, no test was run
 * @param results in the order written: the plan, its variants, its tests
 */
public record TestReport(List<Diagnostic> diagnostics, List<TestResult> results) {
  public TestReport {
    diagnostics = List.copyOf(diagnostics);
    results = List.copyOf(results);
  }

  /** Whether the file is right, and every test passed. */
  public boolean passed() {
    return !hasErrors() && results.stream().allMatch(TestResult::passed);
  }

  /** Whether the file is such that no test could be run. */
  public boolean hasErrors() {
    return diagnostics.stream().anyMatch(Diagnostic::isError);
  }
}
