package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code stowage test}, and what a run is held to. */
class TestCommandTest {
  @TempDir Path folder;

  private void write(String more) throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan tested
        platform here { host ram { memory 512 MiB } }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 8 tok  batch 2  requests 2 }
        maximize throughput
        %s
        """
            .formatted(Ran.TINY_OPT, more));
  }

  @Test
  void saysOfEveryTestWhetherItPassedAndWhereNot() throws IOException {
    write(
        """
        test "fits" { expect share(kv, ram) >= 99% }
        test "small" with { ram.memory = 64 KiB } { expect infeasible because memory(ram) }
        test "wrong" { expect peak(ram) <= 1 KiB }
        """);
    var ran =
        Ran.stowage(folder, "test", "plan.stow", "--format", "json").exits(Exit.EXPECTATION_FAILED);
    var json = ran.json();
    assertEquals(1, json.path("schemaVersion").asInt());
    assertEquals(3, json.path("passed").asInt());
    assertEquals(1, json.path("failed").asInt());
    var wrong = json.path("tests").path(3);
    assertEquals("wrong", wrong.path("name").asText());
    assertEquals(false, wrong.path("passed").asBoolean(true));
    assertTrue(wrong.path("message").asText().contains("peak(ram) <= 1 KiB"), wrong.toString());
    assertEquals(8, wrong.path("line").asInt());
    assertTrue(wrong.path("column").asInt() > 1 && wrong.path("seconds").asDouble() > 0);
    assertEquals("SW601", wrong.path("failures").path(0).path("code").asText());
  }

  @Test
  void aPlanWithErrorsIsNoFailedExpectation() throws IOException {
    write("test \"x\" { expect share(kv, rom) >= 99% }");
    Ran.stowage(folder, "test", "plan.stow").exits(Exit.PLAN_ERRORS);
  }

  @Test
  void aRunIsHeldToWhatIsExpectedOfMeasuredValues() throws IOException {
    write("expect throughput(measured) >= 1000000000 tok/s");
    Ran.stowage(folder, "test", "plan.stow").exits(Exit.GOOD);
    var missed =
        Ran.stowage(folder, "run", "plan.stow", "--prompt-ids", "5,6,7", "--max-tokens", "4")
            .exits(Exit.EXPECTATION_FAILED);
    assertTrue(missed.err().contains("SW607"), missed.err());
    write("expect throughput(measured) >= 0.000001 tok/s");
    Ran.stowage(folder, "run", "plan.stow", "--prompt-ids", "5,6,7", "--max-tokens", "4")
        .exits(Exit.GOOD);
  }
}
