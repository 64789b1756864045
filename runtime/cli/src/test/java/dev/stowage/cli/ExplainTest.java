package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code explain}, {@code whatif} and {@code --locked} say of plans. */
class ExplainTest {
  @TempDir Path folder;

  @BeforeEach
  void writePlan() throws IOException {
    plan("plan.stow", "512 MiB");
  }

  private void plan(String name, String memory) throws IOException {
    Files.writeString(
        folder.resolve(name),
        """
        plan small
        param batchSize : count = 2
        platform here { host ram { memory %s }  disk ssd { memory 1 GiB  path "ssd" } }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 8 tok  batch batchSize  requests 4 }
        maximize throughput
        """
            .formatted(memory, Ran.TINY_OPT));
  }

  private Ran stowage(String... args) {
    return Ran.stowage(folder, args);
  }

  @Test
  void theReportIsOnePageBesideARunOfThePlan() throws IOException {
    var run =
        stowage("run", "plan.stow", "--prompt-ids", "2,5,7", "--format", "json").exits(Exit.GOOD);
    Files.writeString(folder.resolve("run.json"), run.out());
    var page =
        stowage("explain", "plan.stow", "--format", "html", "--measured", "run.json")
            .exits(Exit.GOOD)
            .out();
    assertTrue(page.startsWith("<!DOCTYPE html>"), page);
    assertTrue(page.contains("Predicted and measured"), page);
    assertTrue(page.contains("Share of a phase in which lanes work"), page);
    double measured = run.json().get("metrics").get("decode_tok_per_s").doubleValue();
    assertTrue(page.contains("value=\"" + measured + "\""), page);

    var written = stowage("explain", "plan.stow", "--format", "html", "-o", "plan.html");
    assertEquals("", written.exits(Exit.GOOD).out());
    assertEquals(
        stowage("explain", "plan.stow", "--format", "html").out(),
        Files.readString(folder.resolve("plan.html")));
  }

  @Test
  void aFileThatNoRunPrintedIsRefusedInOneLine() throws IOException {
    Files.writeString(folder.resolve("run.json"), "{\"metrics\":5}");
    var ran = stowage("explain", "plan.stow", "--measured", "run.json").exits(Exit.USAGE);
    assertTrue(ran.saysOneLine().err().contains("run.json: "), ran.err());
    stowage("explain", "plan.stow", "--measured", "absent.json").exits(Exit.USAGE).saysOneLine();
  }

  @Test
  void whatIfComparesAPlanWithItselfUnderOtherParameters() throws IOException {
    var text = stowage("whatif", "plan.stow", "--set", "batchSize=1").exits(Exit.GOOD).out();
    assertTrue(text.contains("b  plan.stow batchSize=1"), text);
    assertTrue(text.matches("(?s).*sequences +2 +1 +-50\\.0 %.*"), text);
    var json =
        stowage("whatif", "plan.stow", "--set", "batchSize=1", "--format", "json")
            .exits(Exit.GOOD)
            .json();
    assertTrue(json.get("differs").booleanValue());
  }

  @Test
  void whatIfComparesAPlanWithWhatItCompilesTo() throws IOException {
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    var text = stowage("whatif", "plan.stow", "plan.stowplan").exits(Exit.GOOD).out();
    assertTrue(text.contains("decisions: alike"), text);
    assertTrue(text.contains("bytes: alike"), text);
  }

  @Test
  void whatIfNeedsSomethingToCompare() {
    stowage("whatif", "plan.stow").exits(Exit.USAGE).saysOneLine();
    stowage("whatif", "plan.stow", "--locked", "--set", "batchSize=1")
        .exits(Exit.USAGE)
        .saysOneLine();
  }

  @Test
  void lockedNamesEachDecisionAsAskedAsItWasAndAsItWouldBe() throws IOException {
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    plan("plan.stow", "2 MiB");
    var ran = stowage("compile", "plan.stow", "--locked").exits(Exit.EXPECTATION_FAILED);
    assertTrue(ran.err().matches("(?s).*decision +asked +was +would be.*"), ran.err());
    assertTrue(
        ran.err().matches("(?s).*share of weights on ssd, realised +auto +(-|0) +0\\.[0-9]+.*"),
        ran.err());
    assertTrue(ran.err().contains("changed since: plan.stow"), ran.err());
  }

  @Test
  void compilingTwiceWritesTheSameLockFile() throws IOException {
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    var first = Files.readString(folder.resolve("plan.stow.lock"));
    stowage("compile", "plan.stow", "--set", "batchSize=1").exits(Exit.GOOD);
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    var both = Files.readString(folder.resolve("plan.stow.lock"));
    assertTrue(both.contains("\"plan batchSize=1\""), both);
    assertFalse(first.contains(folder.toString()), first);
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    assertEquals(both, Files.readString(folder.resolve("plan.stow.lock")));
  }
}
