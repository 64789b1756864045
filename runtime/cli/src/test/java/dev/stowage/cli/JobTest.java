package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file of requests becomes a file of results, whatever happens in between. */
class JobTest {
  private static final int KILLS = 3;

  @TempDir Path folder;

  @BeforeEach
  void compilePlan() throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here { host ram { memory 512 MiB } }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 24 tok  batch 3  requests 3 }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
    Ran.stowage(folder, "compile", "plan.stow").exits(Exit.GOOD);
  }

  private Ran job(String output) {
    return Ran.stowage(
        folder, "run", "plan.stowplan", "--requests", "in.jsonl", "--output", output);
  }

  private void requests(String... lines) throws IOException {
    Files.writeString(folder.resolve("in.jsonl"), String.join("\n", lines) + "\n");
  }

  private void someRequests() throws IOException {
    requests(
        "{\"prompt\": \"And God said\", \"max_tokens\": 6}",
        "{\"prompt_ids\": [2, 5, 7], \"max_tokens\": 4, \"logprobs\": 2}",
        "",
        "{\"prompt\": \"In the\", \"max_tokens\": 8, \"temperature\": 0.9, \"seed\": 4}",
        "{\"prompt\": \"And the king\", \"max_tokens\": 5, \"stop\": \"the\"}");
  }

  private Map<Integer, JsonNode> results(String output) throws IOException {
    var results = new TreeMap<Integer, JsonNode>();
    var lines = Files.readAllLines(folder.resolve(output));
    for (var line : lines.subList(1, lines.size())) {
      var node = Json.MAPPER.readTree(line);
      var before = results.put(node.get("index").intValue(), node);
      assertEquals(null, before, () -> "twice: " + line);
    }
    return results;
  }

  @Test
  void everyRequestHasItsLineWithWhatAnOrdinaryRunSays() throws IOException {
    someRequests();
    var ran = job("out.jsonl").exits(Exit.GOOD);
    assertEquals("", ran.out());
    assertTrue(ran.err().contains("4 of 4 requests"), ran.err());
    var results = results("out.jsonl");
    var ordinary =
        Ran.stowage(folder, "run", "plan.stowplan", "--requests", "in.jsonl", "--format", "json")
            .exits(Exit.GOOD)
            .json()
            .get("results");
    assertEquals(4, ordinary.size());
    for (var expected : ordinary) {
      var result = results.get(expected.get("index").intValue());
      for (var field : List.of("prompt_ids", "output_ids", "text", "finish_reason")) {
        assertEquals(expected.get(field), result.get(field), result::toString);
      }
    }
    assertFalse(results.get(3).get("text").textValue().contains("the"));
    var logprobs = results.get(1).get("logprobs");
    assertEquals(4, logprobs.size());
    for (var token : logprobs) { // greedy: the token is the likeliest
      assertEquals(token.get("id"), token.get("top").get(0).get("id"));
      assertEquals(token.get("logprob"), token.get("top").get(0).get("logprob"));
      double first = token.get("top").get(0).get("logprob").doubleValue();
      double second = token.get("top").get(1).get("logprob").doubleValue();
      assertTrue(second <= first && first < 0 && Math.exp(first) + Math.exp(second) <= 1 + 1e-9);
    }
    assertFalse(results.get(0).has("logprobs"));
  }

  @Test
  void logprobsOfGeneratedTokensAreThoseOfScoringThem() throws IOException {
    requests("{\"prompt_ids\": [2, 5, 7], \"max_tokens\": 6, \"logprobs\": 0}");
    job("out.jsonl").exits(Exit.GOOD);
    var result = results("out.jsonl").get(0);
    var ids = new StringBuilder("2,5,7");
    result.get("output_ids").forEach(id -> ids.append(',').append(id));
    var scored =
        Ran.stowage(folder, "score", "plan.stowplan", "--ids", ids.toString(), "--format", "json")
            .exits(Exit.GOOD)
            .json()
            .get("token_logprobs");
    // scoring reads its own keys and values unrounded, decoding those of the F16 cache
    for (int i = 0; i < 6; i++) {
      assertEquals(
          scored.get(3 + i).doubleValue(),
          result.get("logprobs").get(i).get("logprob").doubleValue(),
          2e-3);
    }
  }

  @Test
  void aTornLastLineIsCutAndItsRequestRunAgain() throws IOException {
    someRequests();
    job("whole.jsonl").exits(Exit.GOOD);
    var whole = Files.readAllBytes(folder.resolve("whole.jsonl"));
    long seed = new Random().nextLong();
    var random = new Random(seed);
    for (int round = 0; round < 4; round++) {
      // the first round tears the header
      int header = new String(whole, StandardCharsets.UTF_8).indexOf('\n');
      int length = round == 0 ? random.nextInt(header) : random.nextInt(header, whole.length);
      Files.write(folder.resolve("torn.jsonl"), Arrays.copyOf(whole, length));
      job("torn.jsonl").exits(Exit.GOOD);
      assertEquals(results("whole.jsonl"), results("torn.jsonl"), "seed " + seed);
    }
  }

  @Test
  void aFinishedJobHasNothingLeftToDo() throws IOException {
    someRequests();
    job("out.jsonl").exits(Exit.GOOD);
    var before = Files.readString(folder.resolve("out.jsonl"));
    var again = job("out.jsonl").exits(Exit.GOOD);
    assertTrue(again.err().contains("results of 4 of 4"), again.err());
    assertEquals(before, Files.readString(folder.resolve("out.jsonl")));
  }

  @Test
  void resultsOfAnythingElseAreRefusedAndLeftAlone() throws IOException {
    someRequests();
    job("out.jsonl").exits(Exit.GOOD);
    var before = Files.readString(folder.resolve("out.jsonl"));
    var options =
        Ran.stowage(
                folder,
                "run",
                "plan.stowplan",
                "--requests",
                "in.jsonl",
                "--output",
                "out.jsonl",
                "--temperature",
                "0.5")
            .exits(Exit.USAGE)
            .saysOneLine();
    assertTrue(options.err().contains("other options"), options.err());
    requests("{\"prompt\": \"And God said\", \"max_tokens\": 7}");
    var changed = job("out.jsonl").exits(Exit.USAGE).saysOneLine();
    assertTrue(changed.err().contains("changed since"), changed.err());
    assertEquals(before, Files.readString(folder.resolve("out.jsonl")));

    Files.writeString(folder.resolve("notes.txt"), "shopping\nlist");
    job("notes.txt").exits(Exit.USAGE).saysOneLine();
    assertEquals("shopping\nlist", Files.readString(folder.resolve("notes.txt")));
  }

  @Test
  void damageInTheMiddleIsRefused() throws IOException {
    someRequests();
    job("out.jsonl").exits(Exit.GOOD);
    var lines = new ArrayList<>(Files.readAllLines(folder.resolve("out.jsonl")));
    lines.set(2, lines.get(2).substring(1));
    Files.write(folder.resolve("out.jsonl"), lines);
    var ran = job("out.jsonl").exits(Exit.USAGE).saysOneLine();
    assertTrue(ran.err().contains("out.jsonl:3"), ran.err());
    assertEquals(lines, Files.readAllLines(folder.resolve("out.jsonl")));
  }

  @Test
  void aBadRequestIsRefusedBeforeAnyRuns() throws IOException {
    for (var bad :
        List.of("{\"prompt\": 3}", "{\"prompt\": \"a\", \"logprobs\": -1}", "{\"what\": 1}", "[")) {
      requests("{\"prompt\": \"And\"}", bad);
      var ran = job("out.jsonl").exits(Exit.USAGE).saysOneLine();
      assertTrue(ran.err().contains("in.jsonl:2"), ran.err());
      assertFalse(Files.exists(folder.resolve("out.jsonl")));
    }
  }

  @Test
  void anInterruptKeepsOnlyWholeResults() throws IOException {
    someRequests();
    var interrupt = new Interrupt();
    interrupt.request();
    Ran.stowage(
            folder,
            interrupt,
            "run",
            "plan.stowplan",
            "--requests",
            "in.jsonl",
            "--output",
            "out.jsonl")
        .exits(Exit.INTERRUPTED);
    assertEquals(Map.of(), results("out.jsonl"));
    job("out.jsonl").exits(Exit.GOOD);
    assertEquals(4, results("out.jsonl").size());
  }

  @Test
  void aKilledJobGoesOnAndEndsWithWhatAnUninterruptedOneGives()
      throws IOException, InterruptedException {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    var lines = new ArrayList<String>();
    for (int i = 0; i < 48; i++) {
      lines.add(
          "{\"prompt_ids\": [2, %d, %d], \"max_tokens\": %d, \"temperature\": %s, \"seed\": %d}"
              .formatted(
                  random.nextInt(4, 200),
                  random.nextInt(4, 200),
                  random.nextInt(8, 24),
                  i % 2 == 0 ? "0" : "0.8",
                  random.nextInt()));
    }
    requests(lines.toArray(String[]::new));
    job("whole.jsonl").exits(Exit.GOOD);
    var expected = results("whole.jsonl");
    assertEquals(lines.size(), expected.size());
    long size = Files.size(folder.resolve("whole.jsonl"));
    int cutShort = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      cutShort += killedAfter((long) (size * (kill + random.nextDouble()) / (KILLS + 1))) ? 1 : 0;
    }
    assertTrue(cutShort > 0, "no process was killed while it ran, seed " + seed);
    job("killed.jsonl").exits(Exit.GOOD);
    assertEquals(expected, results("killed.jsonl"), "seed " + seed);
  }

  /** Runs the job in a process of its own, killed once so much is written. */
  private boolean killedAfter(long bytes) throws IOException, InterruptedException {
    var output = folder.resolve("killed.jsonl");
    var log = folder.resolve("killed.log");
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                "dev.stowage.cli.Main",
                "run",
                "plan.stowplan",
                "--requests",
                "in.jsonl",
                "--output",
                output.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    while (!process.waitFor(1, TimeUnit.MILLISECONDS)) {
      if (Files.exists(output) && Files.size(output) > bytes) {
        process.destroyForcibly().waitFor();
        return process.exitValue() != 0;
      }
    }
    assertEquals(0, process.exitValue(), () -> log.toString());
    return false;
  }
}
