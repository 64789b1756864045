package dev.stowage.cli.serve;

import dev.stowage.plan.text.Amount;
import dev.stowage.runtime.session.Metrics;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** What the server has done, in the text format of Prometheus. */
final class Counters {
  private final TreeMap<String, Long> requests = new TreeMap<>(); // guarded by this
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generatedTokens = new LongAdder();
  private final LongAdder disconnects = new LongAdder();
  private long answered; // guarded by this
  private double seconds; // guarded by this
  private long firstTokens; // guarded by this
  private double firstTokenSeconds; // guarded by this
  private volatile boolean failed;

  void prompt(int tokens) {
    promptTokens.add(tokens);
  }

  void token() {
    generatedTokens.increment();
  }

  void disconnected() {
    disconnects.increment();
  }

  void failed() {
    failed = true;
  }

  boolean hasFailed() {
    return failed;
  }

  /** A request was answered. */
  synchronized void request(String path, int status) {
    requests.merge("path=\"%s\",status=\"%d\"".formatted(path, status), 1L, Long::sum);
  }

  /** A request was generated for. */
  synchronized void generated(double duration) {
    answered++;
    seconds += duration;
  }

  synchronized void firstToken(double after) {
    firstTokens++;
    firstTokenSeconds += after;
  }

  /** How long a request that was generated for took so far, on average. */
  synchronized double meanSeconds() {
    return answered == 0 ? 0 : seconds / answered;
  }

  synchronized String text(
      int running, int waiting, int slots, int mostWaiting, List<Metrics.DeviceBytes> devices) {
    var text = new StringBuilder();
    family(text, "stowage_requests_total", "counter", "Requests answered.");
    requests.forEach((labels, count) -> line(text, "stowage_requests_total", labels, count));
    single(text, "stowage_prompt_tokens_total", "counter", "Prompt tokens taken.", promptTokens);
    single(text, "stowage_generated_tokens_total", "counter", "Tokens generated.", generatedTokens);
    single(text, "stowage_disconnects_total", "counter", "Clients that left early.", disconnects);
    single(text, "stowage_sequences_running", "gauge", "Sequences in slots.", running);
    single(text, "stowage_sequences_waiting", "gauge", "Sequences that wait.", waiting);
    single(text, "stowage_slots", "gauge", "Slots for sequences.", slots);
    single(text, "stowage_waiting_limit", "gauge", "Sequences that may wait.", mostWaiting);
    family(text, "stowage_request_seconds", "summary", "Time of a request.");
    line(text, "stowage_request_seconds_sum", "", seconds);
    line(text, "stowage_request_seconds_count", "", answered);
    family(text, "stowage_first_token_seconds", "summary", "Time to a first token.");
    line(text, "stowage_first_token_seconds_sum", "", firstTokenSeconds);
    line(text, "stowage_first_token_seconds_count", "", firstTokens);
    family(text, "stowage_device_used_bytes", "gauge", "Bytes taken on a device.");
    for (var device : devices) {
      line(text, "stowage_device_used_bytes", label(device), device.usedBytes());
    }
    family(text, "stowage_device_planned_bytes", "gauge", "Bytes the plan sets aside on a device.");
    for (var device : devices) {
      line(text, "stowage_device_planned_bytes", label(device), device.plannedBytes());
    }
    return text.toString();
  }

  private static String label(Metrics.DeviceBytes device) {
    return "device=\"%s\"".formatted(device.device());
  }

  private static void single(
      StringBuilder text, String name, String type, String help, Number value) {
    family(text, name, type, help);
    line(text, name, "", value);
  }

  private static void family(StringBuilder text, String name, String type, String help) {
    text.append("# HELP ").append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void line(StringBuilder text, String name, String labels, Number value) {
    text.append(name);
    if (!labels.isEmpty()) {
      text.append('{').append(labels).append('}');
    }
    text.append(' ');
    text.append(value instanceof Double d ? Amount.format("%.6f", d) : value.toString());
    text.append('\n');
  }
}
