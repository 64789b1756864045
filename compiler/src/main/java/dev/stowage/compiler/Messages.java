package dev.stowage.compiler;

import static dev.stowage.dsl.Diagnostic.error;
import static dev.stowage.dsl.Diagnostic.warning;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Severity;
import dev.stowage.dsl.SourceSpan;
import java.util.List;

/** What placing has to say, one method a message. */
final class Messages {
  private Messages() {}

  static Diagnostic doesNotFit(
      SourceSpan span,
      String resource,
      String needed,
      String allowed,
      String tooMuch,
      String at,
      String breakdown) {
    return error(
        "SW301",
        span,
        "does not fit: %s needs %s of %s usable, %s too much (%s).%s"
            .formatted(resource, needed, allowed, tooMuch, at, breakdown));
  }

  static Diagnostic gathersTooMuch(
      SourceSpan span, String text, String drive, String needed, String dram) {
    return error(
        "SW301",
        span,
        "does not fit: with '%s', dram(%s) needs %s of %s. Gather fewer tokens, or run fewer sequences together."
            .formatted(text, drive, needed, dram));
  }

  static Diagnostic tooSlow(
      SourceSpan span, String row, String needed, String allowed, String over) {
    return error(
        "SW302",
        span,
        "too slow: %s is %s at best, %s more than %s.".formatted(row, needed, over, allowed));
  }

  static Diagnostic shareMissed(
      SourceSpan span, String row, String possible, String asked, String missed) {
    return error(
        "SW303",
        span,
        "cannot be kept: '%s' can reach %s, not %s: %s missing."
            .formatted(row, possible, asked, missed));
  }

  static Diagnostic changesNothing(SourceSpan span, String text) {
    return new Diagnostic(
        "SW408",
        Severity.INFO,
        span,
        "'%s' changes nothing: the plan, its variants and its tests are the same without it."
            .formatted(text),
        List.of(),
        List.of());
  }

  static Diagnostic noDriveHoldsKv(SourceSpan span, String text) {
    return warning(
        "SW409", span, "'%s' has no effect. No kv lies on a csd in the plan.".formatted(text));
  }

  static Diagnostic allKvIsThere(SourceSpan span, String text) {
    return warning(
        "SW409",
        span,
        "'%s' has no effect. It saves room where a host attends to more than a page of kv of each sequence in its memory or on a disk."
            .formatted(text));
  }

  static Diagnostic pinsWhatIsNotCopied(SourceSpan span, String text) {
    return warning(
        "SW409",
        span,
        "'%s' has no effect. No gpu copies what it leaves pageable in the plan.".formatted(text));
  }

  static Diagnostic gaveUp(SourceSpan plan, String reason) {
    return error("SW304", plan, "The optimizer found no answer: %s.".formatted(reason));
  }

  static Diagnostic expectationMissed(SourceSpan span, String text, String is) {
    return error("SW601", span, "Expected %s, but it is predicted to be %s.".formatted(text, is));
  }

  static Diagnostic measurementMissed(SourceSpan span, String text, String is, String predicted) {
    return error(
        "SW607",
        span,
        "Expected %s, but the run measured %s (predicted for a full block: %s)."
            .formatted(text, is, predicted));
  }

  static Diagnostic notMeasured(SourceSpan span, String text) {
    return new Diagnostic(
        "SW608",
        Severity.INFO,
        span,
        "This run was too short to measure what is expected: %s.".formatted(text),
        List.of(),
        List.of());
  }
}
