package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Recording;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.storage.ReadTrial;
import java.util.Optional;
import java.util.OptionalLong;

/** What a run was like: measured next to predicted, and bytes as asked, planned and realised. */
record RunSummary(
    Planned planned,
    Metrics metrics,
    String kernels,
    Optional<ReadTrial> reads,
    HostMemory memory,
    Recording recording) {
  static RunSummary of(Planned planned, Session session, OptionalLong before) {
    var recording = session.recording(); // first: a disk goes on reading ahead of the next sweep
    return new RunSummary(
        planned,
        session.metrics(),
        session.kernels(),
        session.reads(),
        HostMemory.end(before, planned),
        recording);
  }

  String human() {
    var predicted = planned.plan().predicted();
    var text = new StringBuilder();
    text.append('\n');
    text.append(
        Amount.format(
            "prefill      %s tok in %s, %s (predicted for a full block: %s)%n",
            metrics.promptTokens(),
            Amount.seconds(metrics.prefillSeconds()),
            Amount.rate(metrics.prefillTokensPerSecond()),
            Amount.rate(predicted.prefillTokensPerSecond())));
    text.append(
        Amount.format(
            "decode       %s tok in %s, %s (predicted for a full block: %s)%s%n",
            metrics.decodeTokens(),
            Amount.seconds(metrics.decodeSeconds()),
            Amount.rate(metrics.decodeTokensPerSecond()),
            Amount.rate(predicted.decodeTokensPerSecond()),
            emulated() ? ", with an emulated drive" : ""));
    text.append(
        Amount.format(
            "first token  %s, after loading for %s%n",
            Amount.seconds(metrics.firstTokenSeconds()), Amount.seconds(metrics.loadSeconds())));
    if (metrics.streamedWeightBytes() > 0) {
      text.append(
          Amount.format(
              "streamed     %s of weights%n", Amount.bytes(metrics.streamedWeightBytes())));
    }
    metrics
        .held()
        .ifPresent(
            kv ->
                text.append(
                    Amount.format(
                        "kv held      %s on average, %s at most, of %s planned; all at their longest would hold %s%n",
                        Amount.bytes(kv.meanBytes()),
                        Amount.bytes(kv.mostBytes()),
                        Amount.bytes(kv.plannedBytes()),
                        Amount.bytes(kv.wholeBytes()))));
    if (reads.isPresent()) {
      text.append(
          Amount.format(
              "read         %s: in a trial %s/s past the page cache, %s/s through it%n",
              reads.get().direct() ? "past the page cache" : "through the page cache",
              Amount.bytes((long) reads.get().directBytesPerSecond()),
              Amount.bytes((long) reads.get().bufferedBytesPerSecond())));
    }
    text.append("kernels      ").append(kernels).append('\n');
    text.append('\n').append(shares());
    var devices = new Table("device", "kind", "planned>", "in use>", "usable>");
    for (var device : metrics.devices()) {
      devices.row(
          device.device(),
          device.kind() + (device.emulated() ? ", emulated" : ""),
          Amount.bytes(device.plannedBytes()),
          Amount.bytes(device.usedBytes()),
          Amount.bytes(device.usableBytes()));
    }
    text.append('\n').append(devices.text());
    for (var device : metrics.devices()) {
      if (!device.activity().isEmpty()) {
        text.append("  ").append(device.device()).append(": ").append(device.activity());
        text.append('\n');
      }
    }
    if (!memory.human().isEmpty()) {
      text.append('\n').append(memory.human());
    }
    if (!recording.lanes().isEmpty()) {
      text.append('\n').append(lanes());
    }
    return text.toString();
  }

  void json(ObjectNode node) {
    node.put("prompt_tokens", metrics.promptTokens())
        .put("generated_tokens", metrics.generatedTokens())
        .put("decode_tokens", metrics.decodeTokens())
        .put("load_s", metrics.loadSeconds())
        .put("first_token_s", metrics.firstTokenSeconds())
        .put("prefill_s", metrics.prefillSeconds())
        .put("decode_s", metrics.decodeSeconds())
        .put("prefill_tok_per_s", metrics.prefillTokensPerSecond())
        .put("decode_tok_per_s", metrics.decodeTokensPerSecond())
        .put("throughput_tok_per_s", metrics.throughputTokensPerSecond())
        .put("streamed_weights_bytes", metrics.streamedWeightBytes())
        .put("kernels", kernels)
        .put("emulated", emulated());
    if (reads.isPresent()) {
      node.putObject("reads")
          .put("direct", reads.get().direct())
          .put("trial_direct_bytes_per_s", reads.get().directBytesPerSecond())
          .put("trial_buffered_bytes_per_s", reads.get().bufferedBytesPerSecond());
    }
    metrics.held().ifPresent(kv -> json(node.putObject("kv_held"), kv));
    prediction(node.putObject("predicted"));
    shares(node.putArray("shares"));
    var devices = node.putArray("devices");
    for (var device : metrics.devices()) {
      devices
          .addObject()
          .put("device", device.device())
          .put("kind", device.kind())
          .put("emulated", device.emulated())
          .put("planned_bytes", device.plannedBytes())
          .put("used_bytes", device.usedBytes())
          .put("usable_bytes", device.usableBytes())
          .put("activity", device.activity());
    }
    memory.json(node.putObject("memory"));
    var lanes = node.putArray("lanes");
    for (var lane : recording.lanes()) {
      lanes
          .addObject()
          .put("name", lane.name())
          .put("prefill_busy_s", lane.prefillBusySeconds())
          .put("decode_busy_s", lane.decodeBusySeconds());
    }
  }

  static void json(ObjectNode node, Metrics.HeldKv kv) {
    node.put("sweeps", kv.sweeps())
        .put("mean_bytes", kv.meanBytes())
        .put("most_bytes", kv.mostBytes())
        .put("planned_bytes", kv.plannedBytes())
        .put("whole_bytes", kv.wholeBytes());
  }

  private String lanes() {
    var table = new Table("lane", "prefill busy>", "decode busy>");
    for (var lane : recording.lanes()) {
      table.row(
          lane.name(),
          busy(lane.prefillBusySeconds(), metrics.prefillSeconds()),
          busy(lane.decodeBusySeconds(), metrics.decodeSeconds()));
    }
    return table.text();
  }

  private static String busy(double seconds, double phase) {
    return phase > 0 ? Amount.percent(seconds / phase) : "-";
  }

  private String shares() {
    var table = new Table("what", "on", "asked", "planned>", "realised>", "bytes>");
    for (var share : planned.plan().shares()) {
      table.row(
          share.what(),
          share.device(),
          share.asked(),
          Amount.percent(share.planned()),
          Amount.percent(share.realised()),
          Amount.bytes(share.bytes()));
    }
    return table.text();
  }

  private void shares(ArrayNode array) {
    for (var share : planned.plan().shares()) {
      array
          .addObject()
          .put("what", share.what())
          .put("device", share.device())
          .put("asked", share.asked())
          .put("planned", share.planned())
          .put("realised", share.realised())
          .put("realised_bytes", share.bytes());
    }
  }

  private void prediction(ObjectNode node) {
    var predicted = planned.plan().predicted();
    node.put("prefill_s", predicted.prefillSeconds())
        .put("decode_s", predicted.decodeSeconds())
        .put("prefill_tok_per_s", predicted.prefillTokensPerSecond())
        .put("decode_tok_per_s", predicted.decodeTokensPerSecond())
        .put("throughput_tok_per_s", predicted.throughputTokensPerSecond())
        .put("prefill_bound", predicted.prefillBound())
        .put("decode_bound", predicted.decodeBound());
  }

  private boolean emulated() {
    return metrics.devices().stream().anyMatch(Metrics.DeviceBytes::emulated);
  }
}
