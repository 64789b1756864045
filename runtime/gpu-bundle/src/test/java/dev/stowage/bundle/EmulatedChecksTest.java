package dev.stowage.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks that nothing else runs, on the emulated driver; and what the results say of them. */
class EmulatedChecksTest {
  private static final Path MODELS = Path.of("../../examples/src/test/resources/golden");

  @TempDir Path folder;
  private final Results results = new Results();
  private EmulatedDriver driver;

  @BeforeEach
  void loadDriver() {
    driver = EmulatedDriver.loaded();
  }

  @AfterEach
  void everythingIsReleased() {
    driver.assertEverythingIsReleased("afterwards");
  }

  @Test
  void aModelOfThreeTimesTheBudgetIsStreamed() throws IOException {
    new LargeModels(results, folder, true, true).besideTheLink(1e9);
    var check = checks(0, 0).getFirst();
    assertEquals("model beyond the gpu", check.get("group").asText());
    long budget = check.get("budget_bytes").asLong();
    assertTrue(3 * budget <= check.get("weight_bytes").asLong(), check::toString);
    assertTrue(check.get("used_bytes").asLong() <= budget, check::toString);
    assertTrue(driver.mostMemory(0) <= budget, check::toString);
    // every layer passes the link for each of three tokens
    assertTrue(
        check.get("streamed_bytes").asLong() >= 2.5 * check.get("weight_bytes").asLong(),
        check::toString);
    assertTrue(check.get("share").asDouble() > 0, check::toString);
    try (var left = Files.list(folder)) {
      assertEquals(List.of(folder.resolve("results.json")), left.toList());
    }
  }

  @Test
  void withoutFlexGenTheReasonIsAmongTheResults() throws IOException {
    new LargeModels(results, folder, false, true).besideFlexGen(new FlexGen.Missing("not here"));
    for (var check : checks(0, 2)) {
      assertEquals("not here", check.get("skipped").asText());
      assertFalse(check.has("passed"));
    }
  }

  @Test
  void severalGpusComputeModelsAndRandomCuts() throws IOException {
    driver.set(Setting.DEVICES, 3);
    var models = new ModelChecks(results, MODELS, folder, true);
    models.severalGpus(3, 4, 11);
    models.severalGpus(1, 4, 11);
    int cut = 0;
    for (var check : checks(0, 1)) {
      assertEquals("several gpus", check.get("group").asText());
      cut += check.path("cuts").asText("[]").equals("[]") ? 0 : 1;
    }
    assertEquals(4, cut);
  }

  @Test
  void kernelsRunUnderEachToolOfTheSanitizer() throws IOException {
    var none = folder.resolve("none").toString();
    var sanitizer = new Sanitizer(results, folder);
    sanitizer.run(none);
    var program = folder.resolve("compute-sanitizer");
    Files.writeString(
        program,
        """
        #!/bin/sh
        for last; do :; done
        echo '{"checks_run": 3}' > "$last"
        [ "$2" != racecheck ] || { echo "a race"; exit 9; }
        """);
    assertTrue(program.toFile().setExecutable(true));
    sanitizer.run(none, folder);
    var checks = checks(1, 1);
    assertEquals(
        "there is no compute-sanitizer on the PATH", checks.getFirst().get("skipped").asText());
    assertEquals(
        List.of("memcheck true", "racecheck false", "synccheck true", "initcheck true"),
        checks.stream()
            .skip(1)
            .map(check -> check.get("name").asText() + " " + check.get("passed").asBoolean())
            .toList());
    assertEquals("a race", checks.get(2).get("output").asText());
  }

  /** The checks as they are written. */
  private List<JsonNode> checks(int failed, int skipped) throws IOException {
    var file = folder.resolve("results.json");
    results.write(file);
    var root = new ObjectMapper().readTree(file.toFile());
    var checks = StreamSupport.stream(root.get("checks").spliterator(), false).toList();
    assertEquals(failed, root.get("checks_failed").asInt(), root::toPrettyString);
    assertEquals(skipped, root.get("checks_skipped").asInt(), root::toPrettyString);
    assertEquals(checks.size() - skipped, root.get("checks_run").asInt());
    assertEquals(failed == 0 && checks.size() > skipped, root.get("passed").asBoolean());
    return checks;
  }
}
