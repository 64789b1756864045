package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.compiler.Settings;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.StowParser;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Holds what resolving says of a small plan against the {@code ^mark^} in its text. */
final class PlanCheck {
  private static final Path FILE = Path.of("p.stow").toAbsolutePath();
  private static final String PLAN =
      """
      plan p
      platform box {
        host ram  { memory 64 GiB }
        disk ssd  { memory 200 GiB }
        csd  inst { memory 200 GiB }
      }
      model m = shape opt-1.3b
      workload w { prompt 64 tok  generate 16 tok  batch 8 }
      """;

  private PlanCheck() {}

  /** Asserts that a plan with these statements has one diagnostic of the code, at the mark. */
  static Diagnostic raises(String code, String statements) {
    int from = statements.indexOf('^');
    int to = statements.indexOf('^', from + 1) - 1;
    var found =
        found(statements.replace("^", "")).stream().filter(d -> d.code().equals(code)).toList();
    assertEquals(1, found.size(), found::toString);
    var span = found.getFirst().span();
    assertEquals(PLAN.length() + from, span.offset(), found::toString);
    assertEquals(to - from, span.length(), found::toString);
    return found.getFirst();
  }

  /** Asserts that nothing of the code is said of a plan with these statements. */
  static void passes(String code, String statements) {
    var found = found(statements);
    assertEquals(
        List.of(), found.stream().filter(d -> d.isError() || d.code().equals(code)).toList());
  }

  private static List<Diagnostic> found(String statements) {
    var parsed = StowParser.parse(PLAN + statements, FILE);
    assertEquals(
        List.of(), parsed.diagnostics().stream().filter(Diagnostic::isError).toList(), statements);
    return Resolver.resolve(parsed.root(), FILE, Settings.none(), Optional.empty()).diagnostics();
  }
}
