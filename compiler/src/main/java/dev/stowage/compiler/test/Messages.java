package dev.stowage.compiler.test;

import static dev.stowage.dsl.Diagnostic.error;

import dev.stowage.compiler.Amounts;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.plan.BatchShape;
import java.util.List;

/** What tests have to say, one method a message. */
final class Messages {
  private Messages() {}

  static Diagnostic feasible(SourceSpan expect, BatchShape batch, double tokensPerSecond) {
    return error(
        "SW602",
        expect,
        "Expected to be infeasible, but there is a placement: batch %d, %s tok/s predicted."
            .formatted(batch.sequences(), Amounts.number(tokensPerSecond)));
  }

  static Diagnostic otherLimit(
      SourceSpan expect, String wanted, List<String> limits, List<Diagnostic> found) {
    var diagnostic =
        error(
            "SW603",
            expect,
            "Expected to be infeasible because of %s, but it is because of %s."
                .formatted(
                    wanted,
                    limits.isEmpty() ? "a search that gave up" : String.join(" and ", limits)));
    for (var one : found) {
      diagnostic = diagnostic.withRelated(one.span(), one.message());
    }
    return diagnostic;
  }
}
