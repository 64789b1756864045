package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process of the command, with its own flags, holds no more than it promised, and 5 %. */
class PromisedMemoryTest {
  private static final Path FLAGS = Path.of("target/jvm.args").toAbsolutePath();

  @TempDir Path folder;

  @BeforeEach
  void writeThePlan() throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here {
          host ram { memory 2.5 MiB }
          disk ssd { memory 2 GiB  path "disk" }
        }
        model m = hf "%s"
        workload w { prompt 32 tok  generate 64 tok  requests 8 }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
  }

  @Test
  void aCompiledPlanOfFewMegabytesKeepsThePromise() throws Exception {
    Ran.stowage(folder, "compile", "plan.stow").exits(Exit.GOOD);
    keepsThePromise("bench", "plan.stowplan", "--format", "json");
  }

  @Test
  void aPlanThatIsCompiledFirstKeepsThePromise() throws Exception {
    keepsThePromise("bench", "plan.stow", "--format", "json");
  }

  @Test
  void explainSaysTheSamePromise() throws Exception {
    Ran.stowage(folder, "compile", "plan.stow").exits(Exit.GOOD);
    var explained =
        Ran.stowage(folder, "explain", "plan.stowplan", "--format", "json").exits(Exit.GOOD).json();
    var memory = benchmark("bench", "plan.stowplan", "--format", "json").get("memory");
    assertEquals(
        explained.get("process_bytes").longValue(),
        memory.get("promised_process_bytes").longValue());
    assertEquals(
        explained.at("/devices/0/planned_bytes").longValue(),
        memory.get("promised_plan_bytes").longValue());
  }

  private void keepsThePromise(String... args) throws Exception {
    var memory = benchmark(args).get("memory");
    assumeTrue(memory.has("peak_resident_bytes"), "skipped: this system does not tell");
    long promised = memory.get("promised_host_bytes").longValue();
    long peak = memory.get("peak_resident_bytes").longValue();
    assertTrue(peak <= 1.05 * promised, memory::toString);
  }

  private JsonNode benchmark(String... args) throws IOException, InterruptedException {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + FLAGS,
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                "dev.stowage.cli.Main"));
    command.addAll(List.of(args));
    var output = folder.resolve("output.json");
    var process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .redirectOutput(output.toFile())
            .start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES));
    assertEquals(0, process.exitValue());
    return Json.MAPPER.readTree(output.toFile());
  }
}
