package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Infeasible;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import java.util.List;
import java.util.Optional;

/**
 * What there is to test in a script.
 *
 * @param plan the plan's header
 */
public record Tests(SourceSpan plan, List<Named> variants, List<Case> cases) {
  public Tests {
    variants = List.copyOf(variants);
    cases = List.copyOf(cases);
  }

  /** A variant, and where it is written. */
  public record Named(String name, SourceSpan span) {}

  /**
   * A {@code test} block.
   *
   * @param refusals what it expects to be infeasible
   */
  public record Case(String name, SourceSpan span, List<Refusal> refusals) {
    public Case {
      refusals = List.copyOf(refusals);
    }
  }

  /**
   * {@code expect infeasible because memory(t4)}.
   *
   * @param cause without blanks; empty where any cause will do
   */
  public record Refusal(Optional<String> cause, SourceSpan span) {}

  /** All of a script's variants and tests, in the order written. */
  public static Tests of(Script script) {
    var statements = script.getStatements();
    return new Tests(
        script.getHeader() == null ? SourceSpan.startOf("") : Spans.of(script.getHeader()),
        statements.stream()
            .filter(Variant.class::isInstance)
            .map(Variant.class::cast)
            .map(variant -> new Named(variant.getName(), Spans.of(variant)))
            .toList(),
        statements.stream()
            .filter(Test.class::isInstance)
            .map(Test.class::cast)
            .map(test -> new Case(test.getName(), Spans.of(test), refusals(test)))
            .toList());
  }

  private static List<Refusal> refusals(Test test) {
    return test.getExpectations().stream()
        .filter(expect -> expect.getExpectation() instanceof Infeasible)
        .map(
            expect ->
                new Refusal(
                    Optional.ofNullable(((Infeasible) expect.getExpectation()).getCause())
                        .map(cause -> Scope.text(cause).replace(" ", "")),
                    Spans.of(expect)))
        .toList();
  }
}
