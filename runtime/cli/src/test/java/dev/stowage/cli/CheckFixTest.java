package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckFixTest {
  private static final String WRONG =
      """
      plan p

      platform x {
        gpu  g   = nvidia.T4 { memory 15 GiB }
        host ram             { memory 16 GiB }
      }
      model m = shape opt-125m
      workload w { promt 32  generate 32 tok  batch 4 }
      place { weights on rm 100% }
      maximize throughput
      """;
  private static final String RIGHT =
      WRONG
          .replace("plan p\n", "plan p\nimport \"lib:nvidia/t4\"\n")
          .replace("promt 32", "prompt 32 tok")
          .replace("on rm", "on ram");

  @TempDir Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("p.stow"), text);
  }

  @Test
  void checkFixMendsWhatHasOneAnswerSaysWhatAndChecksWhatIsLeft() throws IOException {
    Path file = file(WRONG);
    var ran = Ran.stowage(folder, "check", "--fix", "p.stow").exits(Exit.GOOD);

    assertEquals(
        RIGHT.lines().filter(l -> !l.isBlank()).toList(),
        Files.readString(file).lines().filter(l -> !l.isBlank()).toList());
    assertTrue(ran.err().contains("p.stow:9: write 'ram' (SW101)"), ran.err());
    assertTrue(ran.err().contains("import lib:nvidia/t4 (SW101)"), ran.err());
    assertEquals("", ran.out());
  }

  @Test
  void aDryRunPrintsTheDifferenceAndWritesNothing() throws IOException {
    Path file = file(WRONG);
    var ran = Ran.stowage(folder, "check", "--fix", "--dry-run", "p.stow").exits(Exit.GOOD);

    assertTrue(ran.out().startsWith("--- p.stow\n+++ p.stow\n@@ -"), ran.out());
    assertTrue(ran.out().contains("\n-place { weights on rm 100% }\n"), ran.out());
    assertTrue(ran.out().contains("\n+place { weights on ram 100% }\n"), ran.out());
    assertEquals(WRONG, Files.readString(file));
    Ran.stowage(folder, "check", "--dry-run", "p.stow").exits(Exit.USAGE);
  }

  @Test
  void whatNobodyCanMendUnaskedStaysAnError() throws IOException {
    String text = "plan p\nplatform x { host ram { memory 16 } }\n";
    Path file = file(text);
    Ran.stowage(folder, "check", "--fix", "p.stow").exits(Exit.PLAN_ERRORS);

    assertEquals(text, Files.readString(file));
  }

  @Test
  void ofWhatCannotBeKeptTheSmallestDecisionGivesWayAndThePlanIsFeasible() throws IOException {
    Path file =
        file(
            """
            plan p
            platform x {
              host ram { memory 1 GiB }
              disk ssd { memory 64 GiB }
            }
            model m = shape opt-1.3b
            workload w { prompt 32 tok  generate 32 tok  batch 4 }
            place { weights on ram >= 60% }
            maximize throughput
            """);
    Ran.stowage(folder, "check", "p.stow").exits(Exit.INFEASIBLE);
    var ran = Ran.stowage(folder, "check", "--fix", "p.stow").exits(Exit.GOOD);

    assertTrue(ran.err().contains("p.stow:8: weights on ram >= "), ran.err());
    assertTrue(Files.readString(file).contains("memory 1 GiB"), "memory is a fact");
    Ran.stowage(folder, "check", "p.stow").exits(Exit.GOOD);
  }

  @Test
  void explainPrintsThePageOfACode() {
    var ran = Ran.stowage(folder, "check", "--explain", "sw301").exits(Exit.GOOD);

    assertTrue(ran.out().startsWith("# SW301 does not fit\n"), ran.out());
    assertEquals("", ran.err());
    var refused = Ran.stowage(folder, "check", "--explain", "SW999").exits(Exit.USAGE);
    assertTrue(refused.saysOneLine().err().contains("SW301"), refused.err());
    Ran.stowage(folder, "check").exits(Exit.USAGE).saysOneLine();
  }

  @Test
  void aFoldersLevelsDecideWhatAWarningIs() throws IOException {
    file(RIGHT.replace("maximize", "param wait : time = 3 s\nmaximize"));
    assertTrue(Ran.stowage(folder, "check", "p.stow").exits(Exit.GOOD).err().contains("SW401"));

    Files.writeString(folder.resolve("stowage-lint.properties"), "SW4 = error\n");
    Ran.stowage(folder, "check", "p.stow").exits(Exit.PLAN_ERRORS);
    Ran.stowage(folder, "compile", "p.stow").exits(Exit.PLAN_ERRORS);

    Files.writeString(folder.resolve("stowage-lint.properties"), "SW401 = off\n");
    var quiet = Ran.stowage(folder, "check", "p.stow").exits(Exit.GOOD);
    assertTrue(!quiet.err().contains("SW401"), quiet.err());
  }
}
