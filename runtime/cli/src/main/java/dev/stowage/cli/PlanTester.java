package dev.stowage.cli;

import dev.stowage.compiler.Amounts;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.test.PlanTests;
import dev.stowage.compiler.test.TestReport;
import dev.stowage.compiler.test.TestResult;
import dev.stowage.dsl.Diagnostic;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** Plans' own tests are run here, and their results become text and exit codes. */
final class PlanTester {
  private final Console console;
  private final Path file;

  private PlanTester(Console console, Path file) {
    this.console = console;
    this.file = file;
  }

  /** Runs a plan's tests; prints what became of them in the form asked for. */
  static Exit run(Path file, CompileOptions options, Format format, Console console) {
    var report =
        PlanTests.run(
            console.resolve(file).toAbsolutePath().normalize(),
            new Settings(options.values(), options.variant(), OptionalInt.empty()));
    var tester = new PlanTester(console, file);
    switch (format) {
      case HUMAN -> tester.print(report);
      case JSON -> tester.printJson(report);
    }
    return exit(report);
  }

  private static Exit exit(TestReport report) {
    boolean erroneous =
        report.results().stream()
            .flatMap(result -> result.failures().stream())
            .anyMatch(failure -> !isOutcome(failure));
    return report.hasErrors() || erroneous
        ? Exit.PLAN_ERRORS
        : report.passed() ? Exit.GOOD : Exit.EXPECTATION_FAILED;
  }

  /** Whether the plan was compiled or placed before this was found: it is right as a text. */
  private static boolean isOutcome(Diagnostic failure) {
    return failure.code().startsWith("SW3") || failure.code().startsWith("SW6");
  }

  private void print(TestReport report) {
    var printer = new DiagnosticPrinter(console, Map.of());
    printer.print(report.diagnostics());
    for (var result : report.results()) {
      console
          .out()
          .println(
              String.format(
                  Locale.ROOT,
                  "%s  %s  (%s)",
                  result.passed() ? "passed" : "FAILED",
                  result.name(),
                  Amounts.seconds(result.seconds())));
      console.out().flush();
      printer.print(result.failures());
    }
    long failed = report.results().stream().filter(result -> !result.passed()).count();
    console.say(
        "%s: %d of %d passed"
            .formatted(file, report.results().size() - failed, report.results().size()));
  }

  private void printJson(TestReport report) {
    var json = Json.result();
    json.put("status", exit(report).name().toLowerCase(Locale.ROOT));
    PlanCompiler.diagnostics(json.putArray("diagnostics"), report.diagnostics(), console);
    var tests = json.putArray("tests");
    for (var result : report.results()) {
      var node = tests.addObject().put("name", result.name());
      node.put("kind", result.kind().name().toLowerCase(Locale.ROOT));
      node.put("passed", result.passed());
      node.put("message", message(result));
      var at = result.failures().isEmpty() ? result.span() : result.failures().getFirst().span();
      PlanCompiler.place(node, at, console);
      node.put("seconds", result.seconds());
      PlanCompiler.diagnostics(node.putArray("failures"), result.failures(), console);
    }
    json.put("passed", report.results().stream().filter(TestResult::passed).count());
    json.put("failed", report.results().stream().filter(result -> !result.passed()).count());
    PlanCompiler.inputs(
        json.putArray("inputs"), console.resolve(file).toAbsolutePath().normalize());
    Json.print(json, console);
  }

  private static String message(TestResult result) {
    return result.failures().stream().map(Diagnostic::message).collect(Collectors.joining("\n"));
  }
}
