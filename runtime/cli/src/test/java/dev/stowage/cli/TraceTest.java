package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the lanes of a run did, beside what they were thought to do. */
class TraceTest {
  @TempDir Path folder;

  /** Streams weights from a disk, and keeps some keys and values there. */
  @BeforeEach
  void writePlan() throws IOException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here {
          host ram { memory 512 MiB }
          disk ssd { memory 1 GiB  path "." }
        }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 6 tok  batch 2  requests 2 }
        place { weights on ssd 100%%  kv on ssd 100%% }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
  }

  /** Spans of a process of the trace, by lane. */
  private Map<String, List<JsonNode>> lanes(JsonNode trace, String process) {
    int pid = 0;
    var threads = new HashMap<Integer, String>();
    for (var event : trace.get("traceEvents")) {
      if (event.get("name").textValue().equals("process_name")
          && event.at("/args/name").textValue().equals(process)) {
        pid = event.get("pid").intValue();
      }
    }
    var lanes = new TreeMap<String, List<JsonNode>>();
    for (var event : trace.get("traceEvents")) {
      if (event.get("pid").intValue() == pid) {
        if (event.get("name").textValue().equals("thread_name")) {
          threads.put(event.get("tid").intValue(), event.at("/args/name").textValue());
        } else if (event.get("ph").textValue().equals("X")) {
          lanes
              .computeIfAbsent(threads.get(event.get("tid").intValue()), _ -> new ArrayList<>())
              .add(event);
        }
      }
    }
    return lanes;
  }

  @Test
  void measuredAndSimulatedLanesLieSideBySide() throws IOException {
    var ran =
        Ran.stowage(
                folder,
                "run",
                "plan.stow",
                "-p",
                "And God said",
                "--trace",
                "out.json",
                "--format",
                "json")
            .exits(Exit.GOOD);
    var trace = Json.MAPPER.readTree(folder.resolve("out.json").toFile());
    var measured = lanes(trace, "small (measured)");
    var simulated = lanes(trace, "small (simulated)");
    assertEquals(Set.of("compute(ram)", "read(ssd)", "write(ssd)"), measured.keySet());
    assertTrue(simulated.keySet().containsAll(measured.keySet()), simulated::toString);

    // as much was read as the run says
    long read = 0;
    for (var span : measured.get("read(ssd)")) {
      read +=
          span.get("name").textValue().startsWith("load ") ? span.at("/args/bytes").longValue() : 0;
    }
    var metrics = ran.json().get("metrics");
    assertTrue(read > 0 && read <= metrics.get("streamed_weights_bytes").longValue(), ran::out);

    // lanes work as long as the breakdown says, and a compute lane does one thing at a time
    for (var lane : metrics.get("lanes")) {
      double busy = 0;
      double end = Double.NEGATIVE_INFINITY;
      var spans = new ArrayList<>(measured.get(lane.get("name").textValue()));
      spans.sort(Comparator.comparingDouble(span -> span.get("ts").doubleValue()));
      for (var span : spans) {
        double start = span.get("ts").doubleValue();
        if (lane.get("name").textValue().startsWith("compute")) {
          assertTrue(start >= end - 1e-3, span::toString);
        }
        double until = start + span.get("dur").doubleValue();
        busy += Math.max(0, until - Math.max(start, end));
        end = Math.max(end, until);
      }
      double told =
          lane.get("prefill_busy_s").doubleValue() + lane.get("decode_busy_s").doubleValue();
      assertEquals(told * 1e6, busy, 1 + told * 10);
    }

    // a simulated sweep computes no sooner than the one begins that it stands beside
    var compute = measured.get("compute(ram)");
    var simulatedCompute = simulated.get("compute(ram)");
    double prefill = first(simulatedCompute, "prefill sweep 1 of 1");
    assertTrue(prefill >= 0, simulatedCompute::toString);
    double decode = first(simulatedCompute, "decode sweep 3 of 5");
    assertTrue(decode >= last(compute, "decode sweep 2"), simulatedCompute::toString);
  }

  private static double first(List<JsonNode> lane, String sweep) {
    return lane.stream()
        .filter(span -> span.get("cat").textValue().equals(sweep))
        .mapToDouble(span -> span.get("ts").doubleValue())
        .min()
        .orElseThrow(() -> new AssertionError(sweep + " in " + lane));
  }

  private static double last(List<JsonNode> lane, String sweep) {
    return lane.stream()
        .filter(span -> span.get("cat").textValue().equals(sweep))
        .mapToDouble(span -> span.get("ts").doubleValue() + span.get("dur").doubleValue())
        .max()
        .orElseThrow(() -> new AssertionError(sweep + " in " + lane));
  }

  @Test
  void aRunWithoutATraceStillTellsHowBusyItsLanesWere() throws IOException {
    var ran = Ran.stowage(folder, "run", "plan.stow", "-p", "And God", "--format", "json");
    var metrics = ran.exits(Exit.GOOD).json().get("metrics");
    double compute = metrics.at("/lanes/0/decode_busy_s").doubleValue();
    assertEquals("compute(ram)", metrics.at("/lanes/0/name").textValue());
    assertTrue(compute > 0 && compute <= metrics.get("decode_s").doubleValue(), ran::out);
    assertTrue(metrics.at("/memory/promised_host_bytes").longValue() > 0, ran::out);
  }

  @Test
  void benchTracesABlockOfItsOwn() throws IOException {
    Ran.stowage(folder, "bench", "plan.stow", "-r", "1", "--warm-up", "0", "--trace", "out.json")
        .exits(Exit.GOOD);
    var trace = Json.MAPPER.readTree(folder.resolve("out.json").toFile());
    var sweeps = new TreeSet<String>();
    for (var span : lanes(trace, "small (measured)").get("compute(ram)")) {
      sweeps.add(span.get("cat").textValue());
    }
    assertEquals(6, sweeps.size(), sweeps::toString);
  }

  @Test
  void flightRecorderHearsOfLanes() throws IOException {
    var file = folder.resolve("lanes.jfr");
    try (var recording = new Recording()) {
      recording.enable("dev.stowage.Lane");
      recording.start();
      Ran.stowage(folder, "run", "plan.stow", "-p", "And God").exits(Exit.GOOD);
      recording.stop();
      recording.dump(file);
    }
    var lanes = new TreeSet<String>();
    int layers = 0;
    for (var event : RecordingFile.readAllEvents(file)) {
      if (event.getEventType().getName().equals("dev.stowage.Lane")) {
        lanes.add(event.getString("lane"));
        layers = Math.max(layers, 1 + event.getInt("layer"));
        assertTrue(event.getLong("bytes") >= 0 && event.getInt("microBatch") >= -1);
        assertTrue(event.getDuration().toNanos() >= 0);
      }
    }
    assertEquals(Set.of("compute(ram)", "read(ssd)", "write(ssd)"), lanes);
    assertTrue(layers > 1, () -> "layers");
  }
}
