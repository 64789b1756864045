package dev.stowage.compiler.test;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.resolve.Tests;
import dev.stowage.compiler.test.TestResult.Kind;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Parsed;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.StowParser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Runs what a plan says of itself: the {@code expect} lines of the plan and of every variant, then
 * every {@code test} block. A test makes its changes, compiles, and holds its expectations against
 * the outcome; nothing is executed.
 */
public final class PlanTests {
  private final Path file;
  private final Parsed parsed;
  private final Settings settings;

  private PlanTests(Path file, Parsed parsed, Settings settings) {
    this.file = file;
    this.parsed = parsed;
    this.settings = settings;
  }

  /**
   * Runs all tests of a file.
   *
   * @param settings with a variant: that variant's expectations only, and the tests that name no
   *     other variant are about it
   */
  public static TestReport run(Path file, Settings settings) {
    return run(file, StowParser.parse(file), settings);
  }

  /** Runs all tests of a text as if it stood in a file. */
  public static TestReport run(String text, Path file, Settings settings) {
    return run(file, StowParser.parse(text, file), settings);
  }

  private static TestReport run(Path file, Parsed parsed, Settings settings) {
    return parsed.hasErrors()
        ? new TestReport(parsed.diagnostics(), List.of())
        : new PlanTests(file, parsed, settings).run();
  }

  private TestReport run() {
    var tests = Tests.of(parsed.root());
    var first = compile(settings, Optional.empty());
    if (first instanceof Compilation.Erroneous(var diagnostics)) {
      return new TestReport(diagnostics, List.of());
    }
    var results = new ArrayList<TestResult>();
    if (settings.variant().isPresent()) {
      var variant =
          tests.variants().stream()
              .filter(v -> v.name().equals(settings.variant().get()))
              .findFirst()
              .orElseThrow();
      results.add(result(variant, () -> first));
    } else {
      results.add(timed("plan", Kind.PLAN, tests.plan(), () -> failures(first)));
      for (var variant : tests.variants()) {
        results.add(result(variant, () -> compile(of(variant.name()), Optional.empty())));
      }
    }
    for (var test : tests.cases()) {
      results.add(timed(test.name(), Kind.TEST, test.span(), () -> failures(test)));
    }
    return new TestReport(first.diagnostics().stream().filter(d -> !d.isError()).toList(), results);
  }

  private static TestResult result(Tests.Named variant, Supplier<Compilation> compilation) {
    return timed(
        "variant " + variant.name(),
        Kind.VARIANT,
        variant.span(),
        () -> failures(compilation.get()));
  }

  private Settings of(String variant) {
    return new Settings(settings.values(), Optional.of(variant), settings.longestPrompt());
  }

  private Compilation compile(Settings settings, Optional<String> test) {
    return Compiler.compile(parsed, file, settings, test);
  }

  private static TestResult timed(
      String name, Kind kind, SourceSpan span, Supplier<List<Diagnostic>> body) {
    long start = System.nanoTime();
    var failures = body.get();
    return new TestResult(name, kind, span, failures, (System.nanoTime() - start) / 1e9);
  }

  /** What keeps a plan or variant from being what it expects of itself. */
  private static List<Diagnostic> failures(Compilation compilation) {
    return compilation.diagnostics().stream().filter(Diagnostic::isError).toList();
  }

  private List<Diagnostic> failures(Tests.Case test) {
    var compilation = compile(settings, Optional.of(test.name()));
    return switch (compilation) {
      case Compilation.Erroneous _ -> failures(compilation);
      case Compilation.Compiled compiled -> {
        var failures = new ArrayList<>(failures(compilation));
        for (var refusal : test.refusals()) {
          failures.add(
              Messages.feasible(
                  refusal.span(),
                  compiled.plan().batch(),
                  compiled.plan().predicted().throughputTokensPerSecond()));
        }
        yield failures;
      }
      case Compilation.Infeasible found ->
          test.refusals().isEmpty()
              ? failures(compilation)
              : test.refusals().stream()
                  .flatMap(refusal -> otherwise(refusal, found).stream())
                  .toList();
    };
  }

  /** What to say where it cannot be kept, but not because of what was expected. */
  private static Optional<Diagnostic> otherwise(
      Tests.Refusal refusal, Compilation.Infeasible found) {
    boolean expected =
        refusal.cause().stream()
            .allMatch(cause -> found.limits().stream().anyMatch(limit -> isOf(limit, cause)));
    return expected
        ? Optional.empty()
        : Optional.of(
            Messages.otherLimit(
                refusal.span(), refusal.cause().orElseThrow(), found.limits(), failures(found)));
  }

  /** {@code memory(inst[2])} is a member's part of {@code memory(inst)}. */
  private static boolean isOf(String limit, String wanted) {
    return limit.replaceAll("\\[[0-9]+]", "").replaceAll("\\s", "").equals(wanted);
  }
}
