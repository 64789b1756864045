package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The trace event format that chrome://tracing and Perfetto read: one thread a lane. */
final class ChromeTrace {
  private static final double MICROS = 1e6;

  private final ObjectNode json = Json.MAPPER.createObjectNode();
  private final ArrayNode events;
  private int processes;

  /**
   * @param clock what the times are of: {@code simulated}, or {@code measured and simulated}
   */
  ChromeTrace(String clock, String plan) {
    json.put("displayTimeUnit", "ms");
    json.putObject("otherData").put("clock", clock).put("plan", plan);
    events = json.putArray("traceEvents");
  }

  /** Lanes that are shown together. */
  final class Process {
    private final int number;
    private final Map<String, Integer> threads = new LinkedHashMap<>();

    private Process(int number, List<String> lanes) {
      this.number = number;
      lanes.forEach(lane -> threads.put(lane, threads.size() + 1));
    }

    /**
     * Adds a piece of work.
     *
     * @return where more can be said of it
     */
    ObjectNode span(String lane, String what, String category, double start, double end) {
      return events
          .addObject()
          .put("name", what)
          .put("cat", category)
          .put("ph", "X")
          .put("pid", number)
          .put("tid", threads.get(lane))
          .put("ts", start * MICROS)
          .put("dur", (end - start) * MICROS)
          .putObject("args");
    }
  }

  Process process(String name, List<String> lanes) {
    var process = new Process(++processes, lanes);
    name(process.number, "process_name").put("name", name);
    process.threads.forEach(
        (lane, thread) -> {
          var event = events.addObject().put("name", "thread_name").put("ph", "M");
          event.put("pid", process.number).put("tid", thread);
          event.putObject("args").put("name", lane);
        });
    return process;
  }

  private ObjectNode name(int process, String what) {
    var event = events.addObject().put("name", what).put("ph", "M").put("pid", process);
    return event.putObject("args");
  }

  String text() {
    try {
      return Json.MAPPER.writeValueAsString(json) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  void write(Path file, Console console) {
    try {
      AtomicFile.write(console.resolve(file), text().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Failure.usage("%s cannot be written: %s".formatted(file, e.getMessage()));
    }
  }
}
