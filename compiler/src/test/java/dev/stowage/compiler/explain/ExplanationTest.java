package dev.stowage.compiler.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplanationTest {
  private static final Path BASELINES = Path.of("src/test/resources/baselines").toAbsolutePath();

  @TempDir Path folder;

  private static Compilation.Compiled compiled(String name) {
    var compilation =
        Compiler.compile(BASELINES.resolve(name).resolve("main.stow"), Settings.none());
    if (compilation instanceof Compilation.Compiled compiled) {
      return compiled;
    }
    throw new AssertionError(compilation.diagnostics().toString());
  }

  @Test
  void everyByteOfTheModelAndItsCacheIsInExactlyOneLayer() {
    for (var name : List.of("opt30b-t4", "split-three-ways", "quickstart")) {
      var plan = compiled(name).plan();
      var explained = Explanation.of(compiled(name));
      long weights = 0;
      long kv = 0;
      for (var layer : explained.layers()) {
        weights += layer.weights().stream().mapToLong(Explanation.Part::bytes).sum();
        kv += layer.kv().stream().mapToLong(Explanation.Part::bytes).sum();
      }
      assertEquals(plan.weights().stream().mapToLong(r -> r.bytes(plan.shape())).sum(), weights);
      assertEquals(
          plan.kv().stream().mapToLong(r -> r.bytes(plan.shape().headDim(), plan.kvType())).sum(),
          kv);
    }
  }

  @Test
  void aDevicesBytesAddUpToAllOfIt() {
    for (var device : Explanation.of(compiled("opt30b-t4")).devices()) {
      assertEquals(
          device.capacityBytes(),
          device.weightBytes()
              + device.kvBytes()
              + device.activationBytes()
              + device.workingBytes()
              + device.freeBytes()
              + device.reserveBytes(),
          device.name());
    }
  }

  @Test
  void onePhaseIsBoundByOneResourceAndOneShapeIsChosen() {
    var explained = Explanation.of(compiled("opt30b-t4"));
    var solution = explained.solution().orElseThrow();
    for (var phase : List.of("prefill", "decode")) {
      assertEquals(
          1, solution.busy().stream().filter(b -> b.phase().equals(phase) && b.binding()).count());
    }
    assertEquals(1, solution.candidates().stream().filter(c -> c.chosen()).count());
    assertTrue(solution.candidates().size() > 3);
  }

  @Test
  void aPriceIsSaidInTokensASecondAndNamesTheStatementBehindIt() {
    var explained = Explanation.of(compiled("opt30b-t4"));
    var prices = explained.solution().orElseThrow().prices();
    assertFalse(prices.isEmpty());
    for (var price : prices) {
      double expected =
          -price.secondsPerUnit()
              * explained.predicted().throughputTokensPerSecond()
              / explained.blockSeconds();
      assertEquals(expected, price.tokensPerSecondPerUnit(), Math.abs(expected) * 1e-12);
    }
    assertTrue(prices.stream().anyMatch(p -> !p.statements().isEmpty()), prices.toString());
  }

  @Test
  void aSimulatedStepKeepsItsLanesWithinIt() {
    var compiled = compiled("opt30b-t4");
    var simulation = Simulation.of(compiled.plan(), compiled.schedule()).orElseThrow();
    assertTrue(simulation.steps().size() >= 2);
    for (var step : simulation.steps()) {
      assertEquals(
          1, step.lanes().stream().filter(Timeline.Lane::bottleneck).count(), step.title());
      for (var lane : step.lanes()) {
        double busy = 0;
        for (var interval : lane.intervals()) {
          assertTrue(interval.fromSeconds() >= 0 && interval.load() <= 1);
          assertTrue(interval.toSeconds() <= step.seconds() * (1 + 1e-9));
          busy += (interval.toSeconds() - interval.fromSeconds()) * interval.load();
        }
        assertEquals(lane.busySeconds(), busy, step.seconds() * 1e-6, step.title() + lane.name());
      }
    }
  }

  @Test
  void aPlanComparedWithItselfDiffersInNothing() {
    var explained = Explanation.of(compiled("opt30b-t4"));
    var same = Comparison.of("a", explained, "b", explained);
    assertFalse(same.differs(), same.human());
    assertFalse(same.json().get("differs").booleanValue());
  }

  @Test
  void aComparisonSaysDecisionsBytesMetricsAndLimits() {
    var comparison =
        Comparison.of(
            "drives", Explanation.of(compiled("opt13b-csd")),
            "card", Explanation.of(compiled("opt30b-t4")));
    var text = comparison.human();
    for (var word :
        List.of(
            "a  drives", "b  card", "micro-batches", "weights on t4", "throughput", "bound by")) {
      assertTrue(text.contains(word), text);
    }
    var json = comparison.json();
    var throughput = json.get("predicted").get(0);
    assertEquals("throughput", throughput.get("name").textValue());
    assertTrue(
        throughput.get("a_tok_per_s").isNumber() && throughput.get("b_tok_per_s").isNumber());
    assertTrue(json.get("bytes").get(0).has("a_bytes"));
  }

  @Test
  void aRunsMetricsAreReadAndAnythingElseIsRefused() throws Exception {
    var good =
        """
        {"schemaVersion":1,"results":[],"metrics":{"prompt_tokens":8,"generated_tokens":64,
        "decode_tokens":63,"first_token_s":1.5,"prefill_s":1.5,"decode_s":2,
        "prefill_tok_per_s":5.5,"decode_tok_per_s":31.5,"throughput_tok_per_s":18.25,
        "kernels":"vector","emulated":true,
        "lanes":[{"name":"read(nvme)","prefill_busy_s":0.75,"decode_busy_s":0.5}]}}
        """;
    var file = folder.resolve("run.json");
    Files.writeString(file, good);
    var run = RunFile.read(file);
    assertEquals(31.5, run.decodeTokensPerSecond());
    assertEquals(63, run.decodeTokens());
    var lane = run.lanes().getFirst();
    assertEquals(new Measured.Lane("read(nvme)", 0.75, 0.5), lane);
    for (var bad :
        List.of(
            "",
            "[]",
            "{\"schemaVersion\":1}",
            good.replace("\"schemaVersion\":1", "\"schemaVersion\":2"),
            good.replace("31.5", "-1"),
            good.replace("31.5", "1e999"),
            good.replace("31.5", "\"fast\""),
            good.replace("\"decode_tokens\":63", "\"decode_tokens\":6.5"),
            good.replace("\"decode_s\":2,", ""),
            good.replace("\"name\":\"read(nvme)\"", "\"name\":7"),
            good.replace("0.75", "-0.75"),
            good + "{}")) {
      refused(file, bad);
    }
  }

  /** Of a plan with a solution, beside what the optimizer says; of a bare plan alone. */
  @Test
  void lanesAreComparedByTheShareOfAPhaseInWhichTheyWork() {
    var lane = new Measured.Lane("read(nvme)", 0.75, 0.5);
    var run =
        new Measured(8, 64, 63, 1.5, 1.5, 2, 5.5, 31.5, 18.25, "vector", false, List.of(lane));
    var explained = Explanation.of(compiled("opt30b-t4")).with(run);
    double busy =
        explained.solution().orElseThrow().busy().stream()
            .filter(b -> b.phase().equals("decode") && b.resource().equals("read(nvme)"))
            .mapToDouble(Explanation.Busy::seconds)
            .sum();
    var decode = JsonReport.render(explained).at("/measured/lanes/1");
    assertEquals("decode", decode.get("phase").textValue());
    assertEquals(0.25, decode.get("measured_busy_share").doubleValue());
    assertEquals(
        busy / explained.predicted().decodeSeconds(),
        decode.get("predicted_busy_share").doubleValue(),
        1e-9);
    assertTrue(HumanReport.render(explained).contains("measured busy"));
  }

  private static void refused(Path file, String text) throws IOException {
    Files.writeString(file, text);
    var refused = assertThrows(RunFile.FormatException.class, () -> RunFile.read(file), text);
    assertEquals(1, refused.getMessage().lines().count());
  }
}
