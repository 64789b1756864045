package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Whatever is offered for a plan that does not fit makes it fit. */
class RemediesTest {
  private static final Path FILE = Path.of("tight.stow").toAbsolutePath();
  private static final String PLAN =
      """
      plan tight
      platform box {
        gpu  t4  { memory 6 GiB  reserve 1 GiB }
        host ram { memory 200 GiB  reserve 10% }
        link t4 <-> ram { rate 12 GB/s }
      }
      model m = shape opt-6.7b
      workload w { prompt 128 tok  generate 16 tok  batch 8 }
      place { weights on t4 >= 90%, ram auto  kv on ram 100% }
      maximize throughput
      """;

  @Test
  void everyFixOfferedMakesThePlanFeasible() {
    var found = Compiler.compile(PLAN, FILE, Settings.none());
    assertInstanceOf(Compilation.Infeasible.class, found);
    var fixes = found.diagnostics().stream().flatMap(d -> d.fixes().stream()).toList();
    assertFalse(fixes.isEmpty(), found.diagnostics().toString());
    for (var fix : fixes) {
      var edit = fix.edits().getFirst();
      var at = edit.span().offset();
      var fixed =
          PLAN.substring(0, at) + edit.newText() + PLAN.substring(at + edit.span().length());
      assertInstanceOf(
          Compilation.Compiled.class,
          Compiler.compile(fixed, FILE, Settings.none()),
          fix.title());
    }
  }
}
