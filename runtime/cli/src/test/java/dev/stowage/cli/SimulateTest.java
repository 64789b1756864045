package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A plan on a virtual clock, as scripts and trace viewers see it. */
class SimulateTest {
  @TempDir Path folder;

  @BeforeEach
  void writePlan() throws IOException {
    Files.writeString(
        folder.resolve("big.stow"),
        """
        plan big
        platform box {
          gpu  t4   { memory 15 GiB }
          host ram  { memory 200 GiB }
          link t4 <-> ram { rate 12 GB/s }
        }
        model m = shape opt-30b
        workload w { prompt 512 tok  generate 32 tok  batch 64  micro-batches 4 }
        maximize throughput
        """);
  }

  @Test
  void saysThatItIsSimulatedAndHowFarFromThePrediction() {
    var ran = Ran.stowage(folder, "simulate", "big.stow").exits(Exit.GOOD);
    for (var word :
        List.of(
            "simulated:", "virtual clock", "predicted", "compute(t4)", "decode busy", "usable")) {
      assertTrue(ran.out().contains(word), () -> word + " in\n" + ran.out());
    }
  }

  @Test
  void jsonCarriesLanesStallsWindowsAndMemory() throws IOException {
    var json =
        Ran.stowage(folder, "simulate", "big.stow", "--format", "json").exits(Exit.GOOD).json();
    assertEquals(1, json.get("schemaVersion").intValue());
    assertTrue(json.get("simulated").booleanValue());
    double block = json.get("prefill_s").doubleValue() + json.get("decode_s").doubleValue();
    assertEquals(64 * 32 / block, json.get("throughput_tok_per_s").doubleValue(), 1e-9);
    assertEquals(2, json.get("windows").size());
    assertTrue(json.get("windows").get(1).get("spans").size() > 100);
    for (var memory : json.get("memory")) {
      assertTrue(
          memory.get("peak_bytes").longValue() <= memory.get("usable_bytes").longValue(),
          memory::toString);
    }
  }

  @Test
  void theTraceNamesEveryLaneAndItsEventsFollowEachOther() throws IOException {
    Ran.stowage(folder, "simulate", "big.stow", "--trace", "trace.json").exits(Exit.GOOD);
    var trace = Json.MAPPER.readTree(Files.readString(folder.resolve("trace.json")));
    var named = new HashSet<Integer>();
    var used = new HashSet<Integer>();
    for (var event : trace.get("traceEvents")) {
      switch (event.get("ph").textValue()) {
        case "M" -> named.add(event.path("tid").intValue());
        case "X" -> {
          used.add(event.get("tid").intValue());
          assertTrue(event.get("dur").doubleValue() > 0, event::toString);
        }
        default -> throw new AssertionError(event);
      }
    }
    assertTrue(named.containsAll(used) && used.size() > 3, () -> named + " named, used " + used);
  }

  @Test
  void aTraceThatCannotBeWrittenIsSaidInOneLine() {
    Ran.stowage(folder, "simulate", "big.stow", "--trace", "no/such/folder.json").exits(Exit.USAGE);
  }
}
