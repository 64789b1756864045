package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RepairTest {
  private static final Path FILE = Path.of("p.stow").toAbsolutePath();
  private static final String BOX =
      """
      plan p
      platform box {
        gpu t4 { memory 15 GiB }
        host ram { memory 200 GiB }
      }
      """;

  private static Repair repair(String text) {
    return Repair.of(
        text, FILE.toString(), current -> StowParser.parse(current, FILE).diagnostics());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "place { weights on t5 100% } | place { weights on t4 100% }",
        "workload w { promt 512 } | workload w { prompt 512 tok }",
        "workload w { batch 3 tok } | workload w { batch 3 }",
        "workload w { prompt 3 tok/s } | workload w { prompt 3 tok }",
        "place { weights on t4 20, ram rest } | place { weights on t4 20%, ram rest }",
        "param x : count = auto in 9..3 step 2 | param x : count = auto in 3..9 step 2",
        "schedule { order zigzag  prefetch 2 } | schedule { order zig-zag  prefetch 2 layers }",
        "maximize troughput | maximize throughput",
        "platform y { link t4 <-> ram { rate 12 GB } } | platform y { link t4 <-> ram { rate 12 GB/s } }",
      })
  void thePreferredFixesMendWhatHasOneAnswer(String wrong, String right) {
    Repair mended = repair(BOX + wrong + "\n");

    assertEquals(BOX + right + "\n", mended.text());
    assertEquals(List.of(), StowParser.parse(mended.text(), FILE).diagnostics());
    assertTrue(!mended.applied().isEmpty());
  }

  @Test
  void aTypeOfTheLibraryThatIsNotImportedIs() {
    String text = "plan p\n\nplatform x { gpu g = nvidia.H100 }\nplace { weights on g 100% }\n";

    assertEquals(
        "plan p\nimport \"lib:nvidia/h100\"\n\n\nplatform x { gpu g = nvidia.H100 }\nplace { weights on g 100% }\n",
        repair(text).text());
  }

  @Test
  void aChoiceIsLeftToTheAuthor() {
    String text = BOX + "platform y { gpu g { memory 16 } }\n";
    Repair mended = repair(text);

    assertEquals(text, mended.text());
    assertEquals(List.of(), mended.applied());
    assertEquals(3, StowParser.parse(text, FILE).diagnostics().getFirst().fixes().size());
  }

  @Test
  void fixesThatUndoEachOtherAreNotApplied() {
    var span = new SourceSpan("f", 0, 1, 1, 1);
    Repair result =
        Repair.of(
            "a",
            "f",
            text ->
                List.of(
                    Diagnostic.error("SW999", span, "no")
                        .withFix(
                            Fix.replace("x", span, text.equals("a") ? "b" : "a").asPreferred())));

    assertEquals("b", result.text());
    assertEquals(1, result.applied().size());
  }

  @Test
  void fixesOfOtherFilesAndBeyondTheEndAreLeftAlone() {
    var other = new SourceSpan("g", 0, 1, 1, 1);
    var beyond = new SourceSpan("f", 7, 1, 1, 8);
    Repair result =
        Repair.of(
            "a",
            "f",
            text ->
                List.of(
                    Diagnostic.error("SW999", other, "no")
                        .withFix(Fix.replace("x", other, "b").asPreferred()),
                    Diagnostic.error("SW999", beyond, "no")
                        .withFix(Fix.replace("x", beyond, "b").asPreferred())));

    assertEquals("a", result.text());
  }

  @Test
  void mendingAnyScriptEndsAndAddsNoSyntaxError() {
    long seed = Long.getLong("stowage.seed", 7);
    var random = new Random(seed);
    for (int round = 0; round < 60; round++) {
      String text = RandomScripts.script(random);
      Repair mended = repair(text);
      String message = "seed " + seed + " round " + round + "\n" + text + "\n→\n" + mended.text();
      assertTrue(
          StowParser.parse(mended.text(), FILE).diagnostics().stream()
              .noneMatch(one -> one.code().startsWith("SW01") && !one.code().equals("SW015")),
          message);
    }
  }
}
