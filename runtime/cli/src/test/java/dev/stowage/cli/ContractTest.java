package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What scripts rely on: exit codes, what goes to which stream, the shape of results. */
class ContractTest {
  @TempDir Path folder;

  @BeforeEach
  void writePlan() throws IOException {
    plan("plan.stow", "512 MiB", "");
  }

  private void plan(String name, String memory, String more) throws IOException {
    Files.writeString(
        folder.resolve(name),
        """
        plan small
        param batchSize : count = 2
        platform here {
          host ram  { memory %s }
          csd  inst { memory 64 MiB  path "drive"  emulated }
        }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 8 tok  batch batchSize  requests 2 }
        maximize throughput
        %s
        """
            .formatted(memory, Ran.TINY_OPT, more));
  }

  private Ran stowage(String... args) {
    return Ran.stowage(folder, args);
  }

  @Test
  void runPrintsTheTextOnStandardOutputAndTheSummaryOnStandardError() throws IOException {
    var streamed = stowage("run", "plan.stow", "-p", "In the beginning").exits(Exit.GOOD);
    var json =
        stowage("run", "plan.stow", "-p", "In the beginning", "--format", "json")
            .exits(Exit.GOOD)
            .json();
    var result = json.get("results").get(0);
    assertEquals(result.get("text").textValue() + System.lineSeparator(), streamed.out());
    for (var word :
        List.of("prefill", "decode", "first token", "predicted", "kernels", "realised")) {
      assertTrue(streamed.err().contains(word), streamed.err());
    }
    if (json.get("metrics").get("emulated").booleanValue()) {
      assertTrue(streamed.err().contains("emulated"), streamed.err());
    }
  }

  @Test
  void runAsJsonHasTheShapeThatScriptsKnow() throws IOException {
    var json =
        stowage(
                "run",
                "plan.stow",
                "--prompt-ids",
                "2,5,7",
                "--max-tokens",
                "4",
                "--format",
                "json")
            .exits(Exit.GOOD)
            .json();
    assertEquals(1, json.get("schemaVersion").intValue());
    var result = json.get("results").get(0);
    assertEquals(0, result.get("index").intValue());
    assertEquals("[2,5,7]", result.get("prompt_ids").toString());
    assertEquals(4, result.get("output_ids").size());
    assertEquals("length", result.get("finish_reason").textValue());
    assertTrue(json.get("metrics").get("decode_tok_per_s").isNumber());
  }

  @Test
  void scoreAsJsonHasTheShapeThatScriptsKnow() throws IOException {
    var json =
        stowage("score", "plan.stow", "--ids", "2,5,7", "--top", "3", "--format", "json")
            .exits(Exit.GOOD)
            .json();
    assertEquals(1, json.get("schemaVersion").intValue());
    assertEquals("[2,5,7]", json.get("ids").toString());
    assertEquals(3, json.get("token_logprobs").size());
    assertTrue(json.get("token_logprobs").get(0).isNull());
    assertTrue(json.get("token_logprobs").get(2).doubleValue() < 0);
    assertEquals(3, json.get("top").size());
    assertEquals(2, json.get("top").get(0).size());
  }

  @Test
  void scoreOfATextIsThePerplexityOfItsWindows() throws IOException {
    Files.writeString(folder.resolve("text.txt"), "And God said, Let there be light. ".repeat(6));
    var json =
        stowage("score", "plan.stow", "--text", "text.txt", "--format", "json")
            .exits(Exit.GOOD)
            .json();
    double sum = 0;
    int tokens = 0;
    int windows = 0;
    for (var logprob : json.get("token_logprobs")) {
      if (logprob.isNull()) {
        windows++;
      } else {
        sum += logprob.doubleValue();
        tokens++;
      }
    }
    assertTrue(windows > 1);
    assertEquals(windows, json.get("windows").intValue());
    assertEquals(Math.exp(-sum / tokens), json.get("perplexity").doubleValue(), 1e-9);
  }

  @Test
  void idsThatThePlanHasNoRoomForArePlannedForAndSaidSo() throws IOException {
    var ids = "2" + ",5".repeat(59);
    var ran = stowage("score", "plan.stow", "--ids", ids, "--format", "json").exits(Exit.GOOD);
    assertEquals(60, ran.json().get("ids").size());
    assertTrue(ran.err().contains("60 are asked for"), ran.err());

    stowage("compile", "plan.stow").exits(Exit.GOOD);
    var refused = stowage("score", "plan.stowplan", "--ids", ids).exits(Exit.USAGE).saysOneLine();
    assertTrue(refused.err().contains("room for 23 tokens"), refused.err());
    assertTrue(refused.err().contains("60"), refused.err());
  }

  @Test
  void requestsKeepTheirOrderAndTheirOwnSettings() throws IOException {
    Files.writeString(
        folder.resolve("all.jsonl"),
        """
        {"prompt": "And God", "max_tokens": 3}
        {"prompt_ids": [2, 5, 7], "temperature": 1.0, "top_k": 50, "seed": 4}

        {"prompt": "The LORD", "max_tokens": 6}
        """);
    var results =
        stowage("run", "plan.stow", "--requests", "all.jsonl", "--ignore-eos", "--format", "json")
            .exits(Exit.GOOD)
            .json()
            .get("results");
    assertEquals("[3,8,6]", lengths(results));
    assertEquals("[2,5,7]", results.get(1).get("prompt_ids").toString());
    var human = stowage("run", "plan.stow", "--requests", "all.jsonl", "--ignore-eos");
    assertTrue(human.out().contains("[2] " + results.get(2).get("text").textValue()), human.out());
  }

  private static String lengths(JsonNode results) {
    var lengths = new ArrayList<Integer>();
    results.forEach(result -> lengths.add(result.get("output_ids").size()));
    return lengths.toString().replace(" ", "");
  }

  @Test
  void aStopStringEndsTheTextBeforeIt() throws IOException {
    var whole =
        stowage("run", "plan.stow", "-p", "In the beginning", "--format", "json")
            .json()
            .get("results")
            .get(0)
            .get("text")
            .textValue();
    var stop = whole.substring(whole.length() / 2, whole.length() / 2 + 3);
    var result =
        stowage("run", "plan.stow", "-p", "In the beginning", "--stop", stop, "--format", "json")
            .exits(Exit.GOOD)
            .json()
            .get("results")
            .get(0);
    assertEquals(whole.substring(0, whole.indexOf(stop)), result.get("text").textValue());
    assertEquals("stop", result.get("finish_reason").textValue());
  }

  @Test
  void theSeedAloneDecidesWhatIsDrawn() {
    String[] hot = {"run", "plan.stow", "-p", "And", "--temperature", "1.2", "--seed", "7"};
    var first = stowage(hot).exits(Exit.GOOD).out();
    assertEquals(first, stowage(hot).out());
    hot[7] = "8";
    assertNotEquals(first, stowage(hot).out());
  }

  @Test
  void aCompiledPlanRunsAlikeFromWhereverItIsWritten() throws IOException {
    Files.createDirectories(folder.resolve("else where"));
    stowage("compile", "plan.stow", "-o", "else where/small").exits(Exit.GOOD);
    var source = stowage("run", "plan.stow", "-p", "And God").exits(Exit.GOOD);
    var compiled = stowage("run", "else where/small.stowplan", "-p", "And God").exits(Exit.GOOD);
    assertEquals(source.out(), compiled.out());
    var first = Files.readAllBytes(folder.resolve("else where/small.stowplan"));
    stowage("compile", "plan.stow", "-o", "else where/small.stowplan").exits(Exit.GOOD);
    assertEquals(
        new String(first, java.nio.charset.StandardCharsets.UTF_8),
        Files.readString(folder.resolve("else where/small.stowplan")));
  }

  @Test
  void aModelAloneRunsOnThisMachine() {
    var ran =
        stowage("run", "--model", Ran.TINY_OPT.toString(), "-p", "And God", "--max-tokens", "5");
    ran.exits(Exit.GOOD);
    assertFalse(ran.out().isBlank());
  }

  @Test
  void explainSaysTheSameOfASourceAndOfWhatItCompilesTo() throws IOException {
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    var source = stowage("explain", "plan.stow", "--format", "json").exits(Exit.GOOD).json();
    var plan = stowage("explain", "plan.stowplan", "--format", "json").exits(Exit.GOOD).json();
    assertEquals(source.get("shares"), plan.get("shares"));
    assertEquals(source.get("devices"), plan.get("devices"));
    assertTrue(stowage("explain", "plan.stowplan").out().contains("bound by"));
  }

  @Test
  void aPlanWithErrorsExitsThreeAndShowsTheLine() throws IOException {
    Files.writeString(folder.resolve("bad.stow"), "plan bad\nplatfrom here { }\n");
    var ran = stowage("check", "bad.stow").exits(Exit.PLAN_ERRORS);
    assertEquals("", ran.out());
    assertTrue(ran.err().contains("bad.stow:2:1: error SW"), ran.err());
    assertTrue(ran.err().contains("2 | platfrom here"), ran.err());
    assertTrue(ran.err().contains("^^^"), ran.err());
    var json = stowage("check", "bad.stow", "--format", "json").exits(Exit.PLAN_ERRORS).json();
    assertEquals(2, json.get("diagnostics").get(0).get("line").intValue());
  }

  @Test
  void anInfeasiblePlanExitsFourAndNamesLineResourceAndAmount() throws IOException {
    plan("tight.stow", "64 KiB", "");
    for (var command : List.of("check", "compile", "explain")) {
      var ran = stowage(command, "tight.stow").exits(Exit.INFEASIBLE);
      assertTrue(ran.err().matches("(?s).*tight\\.stow:\\d+:\\d+: error SW3.*"), ran.err());
      assertTrue(ran.err().contains("memory(ram)"), ran.err());
      assertTrue(ran.err().contains("KiB") && ran.err().contains("too much"), ran.err());
    }
  }

  @Test
  void aFailedExpectationExitsFiveAndWritesNothing() throws IOException {
    plan("hope.stow", "512 MiB", "expect throughput(predicted) >= 1000000000 tok/s");
    stowage("check", "hope.stow").exits(Exit.EXPECTATION_FAILED);
    stowage("compile", "hope.stow").exits(Exit.EXPECTATION_FAILED);
    assertFalse(Files.exists(folder.resolve("hope.stowplan")));
    assertFalse(Files.exists(folder.resolve("hope.stow.lock")));
  }

  @Test
  void lockedFailsWhereThePlanWouldChange() throws IOException {
    var none = stowage("compile", "plan.stow", "--locked").exits(Exit.EXPECTATION_FAILED);
    assertTrue(none.saysOneLine().err().contains("there is no plan.stow.lock"), none.err());
    stowage("compile", "plan.stow").exits(Exit.GOOD);
    stowage("compile", "plan.stow", "--locked").exits(Exit.GOOD);
    var other =
        stowage("check", "plan.stow", "--set", "batchSize=1", "--locked")
            .exits(Exit.EXPECTATION_FAILED);
    assertTrue(other.err().contains("no entry"), other.err());
    plan("plan.stow", "256 MiB", "");
    var changed = stowage("compile", "plan.stow", "--locked").exits(Exit.EXPECTATION_FAILED);
    assertTrue(changed.err().contains("compiles differently"), changed.err());
  }

  @Test
  void aPlanForAGpuExitsSixInOneLine() throws IOException {
    Files.writeString(
        folder.resolve("gpu.stow"),
        """
        plan card
        import "lib:nvidia/t4"
        platform box {
          gpu  t4  = nvidia.T4 { memory 15 GiB }
          host ram { memory 64 GiB }
          link t4 <-> ram { rate 12 GB/s }
        }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 8 tok  requests 2 }
        place { weights on t4 100%% }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
    stowage("check", "gpu.stow").exits(Exit.GOOD);
    stowage("compile", "gpu.stow").exits(Exit.GOOD);
    for (var file : List.of("gpu.stow", "gpu.stowplan")) {
      var ran = stowage("run", file, "-p", "x").exits(Exit.MACHINE_LACKS).saysOneLine();
      assertTrue(ran.err().contains("t4: "), ran.err());
    }
  }

  @Test
  void withoutAPromptTheModelBeginsByItself() {
    var begun = stowage("run", "plan.stow", "--max-tokens", "4").exits(Exit.GOOD);
    var empty = stowage("run", "plan.stow", "--max-tokens", "4", "-p", "").exits(Exit.GOOD);
    assertFalse(begun.out().isBlank());
    assertEquals(empty.out(), begun.out());
    assertTrue(begun.err().contains("no prompt"), begun.err());
  }

  @Test
  void aWrongCommandLineExitsTwoAndSaysWhy() throws IOException {
    var empty = Files.createFile(folder.resolve("empty.jsonl"));
    wrong("no such file", "check", "absent.stow");
    wrong("neither a .stow", "check", "plan.txt");
    wrong("--frobnicate", "check", "plan.stow", "--frobnicate");
    wrong("has no requests", "run", "plan.stow", "--requests", empty.toString());
    wrong("either a .stow", "run", "-p", "x");
    wrong("is no token id", "run", "plan.stow", "--prompt-ids", "2,five");
    wrong("outside the model's vocabulary", "run", "plan.stow", "--prompt-ids", "2,99999");
    wrong("outside the model's vocabulary", "score", "plan.stow", "--ids", "2,99999");
    wrong("temperature", "run", "plan.stow", "-p", "x", "--temperature", "-1");
    wrong("top-p", "run", "plan.stow", "-p", "x", "--top-p", "0");
    wrong("--threads", "run", "plan.stow", "-p", "x", "--threads", "0");
    wrong("knows 512 positions", "run", "plan.stow", "-p", "x", "--max-tokens", "100000");
    wrong("but was 'xml'", "explain", "plan.stow", "--format", "xml");
    wrong("--variant", "run", "--model", Ran.TINY_OPT.toString(), "-p", "x", "--variant", "v");
  }

  private void wrong(String word, String... args) {
    var ran = stowage(args).exits(Exit.USAGE);
    assertEquals("", ran.out());
    assertTrue(ran.err().contains(word), ran.err());
    assertFalse(ran.err().contains("    at "), ran.err());
  }

  @Test
  void aWrongRequestIsNamedByItsLine() throws IOException {
    for (var line :
        List.of(
            "{\"prompt\": 5}",
            "{\"prompt\": \"x\", \"tokens\": 5}",
            "{\"prompt\": \"x\", \"max_tokens\": 1.5}",
            "{\"prompt\": \"x\", \"prompt_ids\": [2]}",
            "{\"prompt_ids\": []}",
            "{\"prompt_ids\": [-1]}",
            "[1]",
            "{\"prompt\": \"x\"",
            "[".repeat(100_000))) {
      Files.writeString(folder.resolve("bad.jsonl"), "{\"prompt\": \"good\"}\n" + line + "\n");
      var ran = stowage("run", "plan.stow", "--requests", "bad.jsonl").exits(Exit.USAGE);
      assertTrue(ran.saysOneLine().err().contains("bad.jsonl:2: "), ran.err());
    }
  }

  @Test
  void anInterruptEndsTheRunWithItsSummary() {
    var interrupt = new Interrupt();
    var out =
        new ByteArrayOutputStream() {
          @Override
          public synchronized void write(byte[] bytes, int from, int length) {
            super.write(bytes, from, length);
            new Thread(interrupt::request).start();
            while (!interrupt.requested()) {
              Thread.onSpinWait();
            }
          }
        };
    var ran = Ran.stowage(folder, interrupt, out, "run", "plan.stow", "-p", "And God said");
    assertEquals(Exit.INTERRUPTED.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("first token"), ran.err());
  }
}
