package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Statements that change nothing are named by a review, and by nothing else. */
class IdleTest {
  private static final String MACHINE_AND_MODEL =
      """
      plan p
      platform laptop {
        host ram { memory 16 GiB }
        disk ssd { memory 64 GiB }
      }
      model m = shape opt-125m
      workload w { prompt 32 tok  generate 32 tok  batch 3 }
      """;

  @TempDir private Path folder;

  @Test
  void aWishThatTheOptimizerHasAnywayIsNamed() {
    assertEquals(
        List.of("8 SW408"), review("place { weights on ram >= 50% }  expect peak(ram) > 1 MiB"));
  }

  @Test
  void aStatementThatDecidesIsNot() {
    assertEquals(List.of(), review("place { weights on ram 50%, ssd 50% }"));
  }

  @Test
  void aBlockIsNamedOnceAndNotItsLines() {
    assertEquals(
        List.of("8 SW408"), review("place {\n  weights on ram >= 50%\n  kv on ram >= 50%\n}"));
  }

  @Test
  void whatOnlyAVariantNeedsHasAnEffect() {
    assertEquals(
        List.of(),
        review(
            """
            place { kv on ram <= 50%, ssd auto }
            variant otherwise { override place { weights on ssd 100% } }
            """));
    assertEquals(
        List.of("8 SW408"),
        review(
            """
            place { weights on ram >= 50% }
            variant otherwise { override place { weights on ssd 100% } }
            """));
  }

  @Test
  void aParameterThatATestSetsHasAnEffect() {
    assertEquals(
        List.of(),
        review(
            """
            param most : percent = 100%
            place { kv on ram <= most, ssd auto }
            test "half" with { most = 50% } { expect share(kv, ram) <= 51% }
            """));
  }

  @Test
  void lastConstraintsAndTieBreaksGoWithTheWordsBeforeThem() {
    assertEquals(
        List.of("8 SW408", "9 SW408"),
        review(
            """
            maximize share(kv, ssd) subject to latency(block) <= 10 h
            then minimize peak(ssd)
            """));
  }

  @Test
  void anAllowanceCountsWhereTheReviewAsksForIt() {
    var text =
        "// stowage:allow SW408 because another machine needs it\nplace { weights on ram >= 50% }";
    assertEquals(List.of(), review(text));
    assertEquals(List.of(), said(Compiler.compile(MACHINE_AND_MODEL + text, file(), none())));
  }

  private List<String> review(String more) {
    return said(Compiler.review(MACHINE_AND_MODEL + more, file(), none()));
  }

  private static List<String> said(Compilation compilation) {
    return compilation.diagnostics().stream().map(d -> d.span().line() + " " + d.code()).toList();
  }

  private Path file() {
    return folder.resolve("p.stow");
  }

  private static Settings none() {
    return Settings.none();
  }
}
