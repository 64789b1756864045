package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many commands in one process, as build tools give them. */
class BatchTest {
  @TempDir Path folder;

  private Ran batch(String... lines) {
    var in = System.in;
    System.setIn(
        new ByteArrayInputStream(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)));
    try {
      return Ran.stowage(folder, "batch");
    } finally {
      System.setIn(in);
    }
  }

  private static List<JsonNode> results(Ran ran) throws IOException {
    var results = new ArrayList<JsonNode>();
    for (var line : ran.out().lines().toList()) {
      results.add(Json.MAPPER.readTree(line));
    }
    return results;
  }

  @Test
  void answersEveryLineInOrderAndGoesOnAfterAFailure() throws IOException {
    Files.writeString(
        folder.resolve("machine.stow"), "library mine\ndevice host Ram { memory 512 MiB }\n");
    Files.writeString(
        folder.resolve("good.stow"),
        """
        plan good
        import "machine.stow"
        platform here { host ram = mine.Ram }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 8 tok  batch 2  requests 2 }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
    Files.writeString(folder.resolve("bad.stow"), "plan bad\nnonsense\n");
    var results =
        results(
            batch(
                    "[\"compile\",\"bad.stow\",\"--format\",\"json\"]",
                    "",
                    "[\"compile\",\"good.stow\",\"-o\",\"out\",\"--format\",\"json\"]",
                    "[\"check\",\"missing.stow\"]")
                .exits(Exit.GOOD));
    assertEquals(
        List.of(Exit.PLAN_ERRORS.code(), Exit.GOOD.code(), Exit.USAGE.code()),
        results.stream().map(r -> r.get("exit").intValue()).toList(),
        results::toString);
    var bad = Json.MAPPER.readTree(results.get(0).get("out").textValue());
    assertEquals("plan_errors", bad.get("status").textValue());
    assertEquals(2, bad.get("diagnostics").get(0).get("line").intValue());
    assertEquals("bad.stow", bad.get("diagnostics").get(0).get("file").textValue());
    var good = Json.MAPPER.readTree(results.get(1).get("out").textValue());
    var inputs = new ArrayList<String>();
    good.get("inputs").forEach(input -> inputs.add(input.textValue()));
    var levels = folder.resolve("stowage-lint.properties").toString();
    assertTrue(inputs.remove(levels), inputs::toString);
    inputs.removeIf(input -> input.endsWith("stowage-lint.properties")); // further up
    assertEquals(
        List.of(
            folder.resolve("good.stow").toString(),
            folder.resolve("machine.stow").toString(),
            Ran.TINY_OPT.toString()),
        inputs);
    assertTrue(Files.exists(folder.resolve("out.stowplan")));
    assertTrue(results.get(2).get("err").textValue().contains("no such file"));
  }

  @Test
  void refusesWhatIsNoCommand() {
    for (var line : List.of("check x.stow", "{}", "[]", "[\"batch\"]", "[1,[2]]")) {
      batch(line).exits(Exit.USAGE).saysOneLine();
    }
  }
}
