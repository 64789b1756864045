package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.Asked;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Schedule;
import java.util.List;

/** A plan, explained: shares, bytes, schedule, prediction, and what more of a resource is worth. */
record PlanReport(Planned planned) {
  /** What the optimizer says beside the plan. */
  record Solution(List<Price> prices, List<Busy> busy) {
    Solution {
      prices = List.copyOf(prices);
      busy = List.copyOf(busy);
    }
  }

  /**
   * @param secondsPerUnit how a block's time changes for one more unit; holds locally only
   */
  record Price(String row, double secondsPerUnit, String unit) {}

  /** Seconds that a resource works for a block in a phase. */
  record Busy(String phase, String resource, double seconds) {}

  private ExecutablePlan plan() {
    return planned.plan();
  }

  String human() {
    var plan = plan();
    var batch = plan.batch();
    var text = new StringBuilder();
    text.append(
        Amount.format(
            "plan %s: %s, %d layers, %s of weights as %s, KV as %s%n",
            plan.name(),
            source(plan.source()),
            plan.shape().layers(),
            Amount.bytes(plan.shape().matrixBytes() + plan.shape().vectorBytes()),
            plan.shape().weightType(),
            plan.kvType()));
    text.append(
        Amount.format(
            "  batch %d in %d micro-batches, prompt %d tok, generate %d tok, prefill in chunks of %d tok%n%n",
            batch.sequences(),
            batch.microBatches(),
            batch.promptTokens(),
            batch.generateTokens(),
            batch.prefillChunk()));
    text.append("where bytes lie\n").append(shares(plan.shares())).append('\n');
    text.append("what devices hold\n").append(devices()).append('\n');
    text.append("schedule\n  ").append(schedule()).append("\n\n");
    text.append(prediction());
    planned.solution().ifPresent(solution -> append(text, solution));
    return text.toString();
  }

  static String shares(List<Asked> shares) {
    var table = new Table("what", "on", "asked", "planned>", "realised>", "bytes>");
    for (var share : shares) {
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

  private String devices() {
    var table =
        new Table(
            "device", "kind", "weights>", "kv>", "activations>", "working>", "total>", "usable>");
    for (var device : plan().machine().devices()) {
      long total = plan().bytesOn(device.name());
      if (total > 0) {
        table.row(
            device.name(),
            kind(device),
            bytes(device, Buffer.Purpose.WEIGHTS),
            bytes(device, Buffer.Purpose.KV),
            bytes(device, Buffer.Purpose.ACTIVATIONS),
            bytes(device, Buffer.Purpose.WORKING),
            Amount.bytes(total),
            Amount.bytes(device.usableBytes()));
      }
    }
    return table.text();
  }

  static String kind(DeviceSpec device) {
    return device.kind().word() + (device.emulated() ? ", emulated" : "");
  }

  private String bytes(DeviceSpec device, Buffer.Purpose purpose) {
    return Amount.bytes(bytesOf(device, purpose));
  }

  private long bytesOf(DeviceSpec device, Buffer.Purpose purpose) {
    return plan().buffers().stream()
        .filter(b -> b.device().equals(device.name()) && b.purpose() == purpose)
        .mapToLong(Buffer::totalBytes)
        .sum();
  }

  private String schedule() {
    var schedule = planned.schedule();
    String lanes =
        schedule.lanes().isEmpty()
            ? "no device beside the compute lane"
            : "beside the compute lane: " + String.join(", ", schedule.lanes());
    return "%s, weights loaded up to %d %s ahead, %s"
        .formatted(
            order(schedule.order()),
            schedule.prefetch(),
            schedule.prefetch() == 1 ? "stop" : "stops",
            lanes);
  }

  private static String order(Schedule.Order order) {
    return switch (order) {
      case Schedule.Order.ZigZag() -> "zig-zag";
      case Schedule.Order.RowByRow() -> "row by row";
      case Schedule.Order.Word word -> "an order of its own";
    };
  }

  private String prediction() {
    var predicted = plan().predicted();
    return Amount.format(
        "predicted for a block%s%n"
            + "  prefill  %s (%s), bound by %s%n"
            + "  decode   %s (%s), bound by %s%n"
            + "  throughput %s%n",
        emulated() ? " (with an emulated drive's rates where one takes part)" : "",
        Amount.seconds(predicted.prefillSeconds()),
        Amount.rate(predicted.prefillTokensPerSecond()),
        predicted.prefillBound(),
        Amount.seconds(predicted.decodeSeconds()),
        Amount.rate(predicted.decodeTokensPerSecond()),
        predicted.decodeBound(),
        Amount.rate(predicted.throughputTokensPerSecond()));
  }

  private boolean emulated() {
    return plan().machine().devices().stream()
        .anyMatch(d -> d.emulated() && plan().bytesOn(d.name()) > 0);
  }

  private static void append(StringBuilder text, Solution solution) {
    var busy = new Table("phase", "resource", "busy>");
    solution.busy().forEach(b -> busy.row(b.phase(), b.resource(), Amount.seconds(b.seconds())));
    text.append("\nwhat works how long for a block\n").append(busy.text());
    if (!solution.prices().isEmpty()) {
      var prices = new Table("limit", "one more", "changes a block's time by>");
      for (var price : solution.prices()) {
        double seconds = price.secondsPerUnit();
        String sign = seconds < 0 ? "-" : "+";
        prices.row(price.row(), price.unit(), sign + Amount.seconds(Math.abs(seconds)));
      }
      text.append("\nwhat limits the plan (prices hold near this plan only)\n");
      text.append(prices.text());
    }
  }

  ObjectNode json() {
    var plan = plan();
    var batch = plan.batch();
    var result = Json.result();
    result.put("plan", plan.name()).put("model", source(plan.source()));
    result
        .putObject("batch")
        .put("sequences", batch.sequences())
        .put("micro_batches", batch.microBatches())
        .put("prompt_tokens", batch.promptTokens())
        .put("generate_tokens", batch.generateTokens())
        .put("prefill_chunk_tokens", batch.prefillChunk());
    shares(result.putArray("shares"), plan.shares());
    var devices = result.putArray("devices");
    for (var device : plan.machine().devices()) {
      var node =
          devices
              .addObject()
              .put("device", device.name())
              .put("kind", device.kind().word())
              .put("emulated", device.emulated())
              .put("usable_bytes", device.usableBytes())
              .put("planned_bytes", plan.bytesOn(device.name()));
      for (var purpose : Buffer.Purpose.values()) {
        node.put(purpose.word() + "_bytes", bytesOf(device, purpose));
      }
    }
    var schedule =
        result
            .putObject("schedule")
            .put("order", order(planned.schedule().order()))
            .put("prefetch_stops", planned.schedule().prefetch());
    planned.schedule().lanes().forEach(schedule.putArray("lanes")::add);
    prediction(result.putObject("predicted"), plan.predicted());
    planned.solution().ifPresent(solution -> json(result, solution));
    return result;
  }

  private static void json(ObjectNode result, Solution solution) {
    var busy = result.putArray("busy");
    for (var b : solution.busy()) {
      busy.addObject()
          .put("phase", b.phase())
          .put("resource", b.resource())
          .put("busy_s", b.seconds());
    }
    var prices = result.putArray("prices");
    for (var p : solution.prices()) {
      prices.addObject().put("limit", p.row()).put("unit", p.unit()).put("s", p.secondsPerUnit());
    }
  }

  static void shares(ArrayNode array, List<Asked> shares) {
    for (var share : shares) {
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

  static void prediction(ObjectNode node, Prediction predicted) {
    node.put("prefill_s", predicted.prefillSeconds())
        .put("decode_s", predicted.decodeSeconds())
        .put("prefill_tok_per_s", predicted.prefillTokensPerSecond())
        .put("decode_tok_per_s", predicted.decodeTokensPerSecond())
        .put("throughput_tok_per_s", predicted.throughputTokensPerSecond())
        .put("prefill_bound", predicted.prefillBound())
        .put("decode_bound", predicted.decodeBound());
  }

  private static String source(ModelSource source) {
    return switch (source) {
      case ModelSource.HuggingFace(var path, var _) -> path;
      case ModelSource.ShapeOnly(var name) -> "shape " + name;
    };
  }
}
