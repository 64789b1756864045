package dev.stowage.cli;

import static dev.stowage.plan.text.Amount.format;
import static dev.stowage.plan.text.Amount.percent;
import static dev.stowage.plan.text.Amount.rate;
import static dev.stowage.plan.text.Amount.seconds;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.compiler.simulate.Timeline;
import dev.stowage.compiler.simulate.Timeline.Lane;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;

/** A simulated block for people, for programs, and for trace viewers. */
final class SimulationReport {
  private static final int STALLS_SHOWN = 6;

  private final ExecutablePlan plan;
  private final Timeline timeline;

  SimulationReport(ExecutablePlan plan, Timeline timeline) {
    this.plan = plan;
    this.timeline = timeline;
  }

  String human() {
    var predicted = plan.predicted();
    var text = new StringBuilder();
    text.append("simulated: a full block on a virtual clock, with the rates of the plan\n\n");
    text.append(
        new Table("", "simulated>", "predicted>", "difference>")
            .row(
                "prefill",
                seconds(timeline.prefillSeconds()),
                seconds(predicted.prefillSeconds()),
                more(timeline.prefillSeconds(), predicted.prefillSeconds()))
            .row(
                "decode",
                seconds(timeline.decodeSeconds()),
                seconds(predicted.decodeSeconds()),
                more(timeline.decodeSeconds(), predicted.decodeSeconds()))
            .row(
                "throughput",
                rate(timeline.throughputTokensPerSecond()),
                rate(predicted.throughputTokensPerSecond()),
                more(timeline.throughputTokensPerSecond(), predicted.throughputTokensPerSecond()))
            .text());
    text.append("\n");
    var lanes = new Table("lane", "prefill busy>", "decode busy>");
    for (var lane : timeline.lanes()) {
      lanes.row(
          lane.name(),
          busy(lane.prefillBusySeconds(), timeline.prefillSeconds()),
          busy(lane.decodeBusySeconds(), timeline.decodeSeconds()));
    }
    text.append(lanes.text());
    if (!timeline.stalls().isEmpty()) {
      text.append("\n");
      var stalls = new Table("compute waits in", "for", "seconds>", "of the phase>");
      for (var stall : timeline.stalls().stream().limit(STALLS_SHOWN).toList()) {
        stalls.row(
            stall.phase(),
            stall.waitedFor(),
            seconds(stall.seconds()),
            percent(stall.seconds() / phaseSeconds(stall.phase())));
      }
      text.append(stalls.text());
    }
    text.append("\n");
    var memory = new Table("device", "in use at most>", "set aside>", "usable>");
    for (var device : timeline.memory()) {
      memory.row(
          device.device(),
          Amount.bytes(peak(device)),
          Amount.bytes(device.reservedBytes()),
          Amount.bytes(device.usableBytes()));
    }
    return text.append(memory.text()).toString();
  }

  ObjectNode json() {
    var json = Json.result();
    json.put("simulated", true);
    json.put("plan", plan.name());
    json.put("prefill_s", timeline.prefillSeconds());
    json.put("decode_s", timeline.decodeSeconds());
    json.put("throughput_tok_per_s", timeline.throughputTokensPerSecond());
    var predicted = json.putObject("predicted");
    predicted.put("prefill_s", plan.predicted().prefillSeconds());
    predicted.put("decode_s", plan.predicted().decodeSeconds());
    predicted.put("throughput_tok_per_s", plan.predicted().throughputTokensPerSecond());
    var lanes = json.putArray("lanes");
    for (var lane : timeline.lanes()) {
      lanes
          .addObject()
          .put("name", lane.name())
          .put("prefill_busy_s", lane.prefillBusySeconds())
          .put("decode_busy_s", lane.decodeBusySeconds());
    }
    var stalls = json.putArray("stalls");
    for (var stall : timeline.stalls()) {
      stalls
          .addObject()
          .put("phase", stall.phase())
          .put("waited_for", stall.waitedFor())
          .put("stall_s", stall.seconds());
    }
    var windows = json.putArray("windows");
    for (var window : timeline.windows()) {
      var object =
          windows
              .addObject()
              .put("name", window.name())
              .put("start_s", window.startSeconds())
              .put("end_s", window.endSeconds());
      var spans = object.putArray("spans");
      for (var span : window.spans()) {
        spans
            .addObject()
            .put("lane", span.lane())
            .put("what", span.what())
            .put("micro_batch", span.microBatch())
            .put("stop", span.stop())
            .put("start_s", span.startSeconds())
            .put("end_s", span.endSeconds());
      }
    }
    var devices = json.putArray("memory");
    for (var memory : timeline.memory()) {
      var device =
          devices
              .addObject()
              .put("device", memory.device())
              .put("reserved_bytes", memory.reservedBytes())
              .put("usable_bytes", memory.usableBytes())
              .put("peak_bytes", peak(memory));
      var points = device.putArray("points");
      for (var point : memory.points()) {
        points.addObject().put("at_s", point.seconds()).put("in_use_bytes", point.bytes());
      }
    }
    return json;
  }

  /** One prefill and one decode sweep. */
  ChromeTrace trace() {
    var trace = new ChromeTrace("simulated", plan.name());
    var process =
        trace.process(
            plan.name() + " (simulated)", timeline.lanes().stream().map(Lane::name).toList());
    for (var window : timeline.windows()) {
      add(window, 0, process);
    }
    return trace;
  }

  /**
   * Adds a sweep to a trace.
   *
   * @param later seconds by which it is shown later than it was simulated
   */
  static void add(Timeline.Window window, double later, ChromeTrace.Process process) {
    for (var span : window.spans()) {
      double start = later + span.startSeconds();
      double end = later + span.endSeconds();
      var arguments = process.span(span.lane(), span.what(), window.name(), start, end);
      arguments.put("stop", span.stop());
      if (span.microBatch() >= 0) {
        arguments.put("micro-batch", span.microBatch());
      }
    }
  }

  private double phaseSeconds(String phase) {
    return phase.equals("prefill") ? timeline.prefillSeconds() : timeline.decodeSeconds();
  }

  private static long peak(Timeline.Memory memory) {
    return memory.points().stream().mapToLong(Timeline.Point::bytes).max().orElse(0);
  }

  private static String busy(double seconds, double phase) {
    return phase > 0 ? percent(seconds / phase) : "-";
  }

  private static String more(double simulated, double predicted) {
    return predicted > 0 ? format("%+.1f %%", 100 * (simulated / predicted - 1)) : "-";
  }
}
