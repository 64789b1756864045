package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Measured rates beside predicted ones. */
class BenchTest {
  @TempDir Path folder;

  @BeforeEach
  void writePlan() throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here { host ram { memory 512 MiB } }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 4 tok  batch 2  requests 2 }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
  }

  private Ran bench(String... more) {
    var args = new ArrayList<>(List.of("bench", "plan.stow", "--warm-up", "0", "-r", "3"));
    args.addAll(List.of(more));
    return Ran.stowage(folder, args.toArray(String[]::new));
  }

  @Test
  void jsonHasSamplesWhoseMeanAndDeviationItStates() throws IOException {
    var json = bench("--format", "json").exits(Exit.GOOD).json();
    assertEquals(2, json.get("sequences").intValue());
    var names = new ArrayList<String>();
    for (var test : json.get("tests")) {
      names.add(test.get("test").textValue());
      var samples = new ArrayList<Double>();
      test.get("samples_tok_per_s").forEach(sample -> samples.add(sample.doubleValue()));
      assertEquals(3, samples.size());
      double a = samples.get(0);
      double b = samples.get(1);
      double c = samples.get(2);
      double mean = (a + b + c) / 3;
      // by differences of pairs, which needs no mean
      double deviation = Math.sqrt(((a - b) * (a - b) + (b - c) * (b - c) + (a - c) * (a - c)) / 6);
      assertTrue(samples.stream().allMatch(sample -> sample > 0), test::toString);
      assertEquals(mean, test.get("mean_tok_per_s").doubleValue(), mean * 1e-9);
      assertEquals(deviation, test.get("sd_tok_per_s").doubleValue(), mean * 1e-6);
      assertTrue(test.get("predicted_tok_per_s").doubleValue() > 0);
    }
    assertEquals(List.of("pp16", "tg4", "pp16+tg4"), names);
    var memory = json.get("memory");
    long plan = memory.get("promised_plan_bytes").longValue();
    long process = memory.get("promised_process_bytes").longValue();
    assertTrue(plan > 0 && process > 0, memory::toString);
    assertEquals(plan + process, memory.get("promised_host_bytes").longValue());
    if (memory.has("peak_resident_bytes")) {
      assertTrue(
          memory.get("peak_resident_bytes").longValue()
              >= memory.get("resident_before_bytes").longValue(),
          memory::toString);
    }
  }

  /** Blocks of a stream of requests, of which one begins while another ends. */
  @Test
  void aDiagonalIsMeasuredAsASteadyStream() throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here { host ram { memory 64 MiB } }
        model m = hf "%s"
        workload w { prompt 8 tok  generate 240 tok  batch 4 }
        schedule { order diagonal }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
    var json = bench("--format", "json").exits(Exit.GOOD).json();
    assertEquals(1, json.get("tests").size(), json::toString);
    var test = json.get("tests").get(0);
    assertEquals("pp8+tg240", test.get("test").textValue());
    assertEquals(3, test.get("samples_tok_per_s").size());
    var held = json.get("kv_held");
    assertTrue(held.get("mean_bytes").longValue() > 0, held::toString);
    assertTrue(
        held.get("most_bytes").longValue() <= held.get("planned_bytes").longValue(),
        held::toString);
    assertTrue(
        held.get("planned_bytes").longValue() < held.get("whole_bytes").longValue(),
        held::toString);
    var explained = Ran.stowage(folder, "explain", "plan.stow").exits(Exit.GOOD).out();
    assertTrue(
        explained.contains("diagonal (requests begin one after another: kv takes "), explained);
  }

  @Test
  void tablesHaveARowForEveryTest() {
    var md = bench().exits(Exit.GOOD).out().lines().filter(l -> l.startsWith("|")).toList();
    assertEquals(5, md.size(), md::toString);
    for (var row : md) {
      assertEquals(7, row.chars().filter(c -> c == '|').count(), row);
    }
    var csv = bench("--format", "csv").exits(Exit.GOOD).out().lines().toList();
    assertEquals(4, csv.size(), csv::toString);
    int cells = csv.getFirst().split(",", -1).length;
    csv.forEach(row -> assertEquals(cells, row.split(",", -1).length, row));
  }

  @Test
  void nothingToMeasureIsAWrongCommandLine() {
    Ran.stowage(folder, "bench", "plan.stow", "-r", "0").exits(Exit.USAGE).saysOneLine();
    Ran.stowage(folder, "bench", "plan.txt").exits(Exit.USAGE).saysOneLine();
  }
}
