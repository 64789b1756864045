package dev.stowage.compiler.explain;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.compiler.explain.Explanation.Part;
import dev.stowage.compiler.explain.Explanation.Solution;
import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Prediction;
import java.util.List;

/** An explanation as JSON: versioned, with units in its keys. */
public final class JsonReport {
  static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonReport() {}

  public static ObjectNode render(Explanation explained) {
    var result = MAPPER.createObjectNode().put("schemaVersion", 1);
    var model = explained.model();
    result
        .put("plan", explained.plan())
        .put("model", (model.shapeOnly() ? "shape " : "") + model.source())
        .put("layer_count", model.layers())
        .put("weights_bytes", model.weightBytes())
        .put("weight_type", model.weightType())
        .put("kv_type", model.kvType())
        .put("emulated", explained.emulated());
    batch(result.putObject("batch"), explained.batch());
    shares(result.putArray("shares"), explained.shares());
    devices(result.putArray("devices"), explained);
    result
        .put("process_bytes", explained.processBytes())
        .put("compiling_bytes", Footprint.COMPILING_BYTES);
    var links = result.putArray("links");
    for (var link : explained.links()) {
      links
          .addObject()
          .put("from", link.from())
          .put("to", link.to())
          .put("bytes_per_s", link.bytesPerSecond())
          .put("latency_s", link.latencySeconds())
          .put("origin", link.origin().word());
    }
    var layers = result.putArray("layers");
    for (var layer : explained.layers()) {
      var node = layers.addObject().put("layer", layer.name());
      parts(node.putObject("weights_bytes"), layer.weights());
      parts(node.putObject("kv_bytes"), layer.kv());
    }
    var schedule =
        result
            .putObject("schedule")
            .put("order", explained.schedule().order())
            .put("prefetch_stops", explained.schedule().prefetch());
    explained.schedule().lanes().forEach(schedule.putArray("lanes")::add);
    explained
        .schedule()
        .held()
        .ifPresent(
            kv -> schedule.put("kv_held_bytes", kv.bytes()).put("kv_whole_bytes", kv.wholeBytes()));
    prediction(result.putObject("predicted"), explained.predicted());
    result.withObject("/predicted").put("block_s", explained.blockSeconds());
    explained.solution().ifPresent(solution -> solution(result, solution));
    var notes = result.putArray("notes");
    for (var note : explained.notes()) {
      notes
          .addObject()
          .put("severity", note.severity())
          .put("code", note.code())
          .put("file", note.file())
          .put("line", note.line())
          .put("message", note.message());
    }
    explained.simulation().ifPresent(block -> simulation(result.putObject("simulated"), block));
    explained.measured().ifPresent(run -> measured(result.putObject("measured"), run, explained));
    return result;
  }

  static void batch(ObjectNode node, BatchShape batch) {
    node.put("sequences", batch.sequences())
        .put("micro_batches", batch.microBatches())
        .put("prompt_tokens", batch.promptTokens())
        .put("generate_tokens", batch.generateTokens())
        .put("prefill_chunk_tokens", batch.prefillChunk());
  }

  private static void shares(ArrayNode array, List<Asked> shares) {
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

  private static void devices(ArrayNode array, Explanation explained) {
    for (var device : explained.devices()) {
      var node =
          array
              .addObject()
              .put("device", device.name())
              .put("kind", device.kind().word())
              .put("emulated", device.emulated())
              .put("capacity_bytes", device.capacityBytes())
              .put("reserve_bytes", device.reserveBytes())
              .put("usable_bytes", device.usableBytes())
              .put("planned_bytes", device.plannedBytes())
              .put("weights_bytes", device.weightBytes())
              .put("kv_bytes", device.kvBytes())
              .put("activations_bytes", device.activationBytes())
              .put("working_bytes", device.workingBytes())
              .put("free_bytes", device.freeBytes());
      var rates = node.putArray("rates");
      for (var rate : device.rates()) {
        rates
            .addObject()
            .put("rate", rate.name())
            .put("value", rate.value())
            .put("unit", rate.unit())
            .put("origin", rate.origin().word());
      }
    }
  }

  private static void parts(ObjectNode node, List<Part> parts) {
    parts.forEach(part -> node.put(part.device(), part.bytes()));
  }

  private static void prediction(ObjectNode node, Prediction predicted) {
    node.put("prefill_s", predicted.prefillSeconds())
        .put("decode_s", predicted.decodeSeconds())
        .put("prefill_tok_per_s", predicted.prefillTokensPerSecond())
        .put("decode_tok_per_s", predicted.decodeTokensPerSecond())
        .put("throughput_tok_per_s", predicted.throughputTokensPerSecond())
        .put("prefill_bound", predicted.prefillBound())
        .put("decode_bound", predicted.decodeBound());
  }

  private static void solution(ObjectNode result, Solution solution) {
    var busy = result.putArray("busy");
    for (var b : solution.busy()) {
      busy.addObject()
          .put("phase", b.phase())
          .put("resource", b.resource())
          .put("busy_s", b.seconds())
          .put("binding", b.binding());
    }
    var prices = result.putArray("prices");
    for (var p : solution.prices()) {
      var node =
          prices
              .addObject()
              .put("limit", p.limit())
              .put("unit", p.unit())
              .put("s", p.secondsPerUnit())
              .put("tok_per_s", p.tokensPerSecondPerUnit());
      var statements = node.putArray("statements");
      for (var s : p.statements()) {
        statements.addObject().put("file", s.file()).put("line", s.line()).put("text", s.text());
      }
    }
    var candidates = result.putArray("candidates");
    for (var c : solution.candidates()) {
      var node = candidates.addObject();
      batch(node, c.batch());
      node.put("kv_type", c.kvType())
          .put("prefetch_stops", c.prefetch())
          .put("block_s", c.blockSeconds())
          .put("throughput_tok_per_s", c.throughputTokensPerSecond())
          .put("chosen", c.chosen());
    }
    solution.advice().ifPresent(advice -> AdviceText.json(result.putObject("advice"), advice));
    result.put("bound_s", solution.boundSeconds()).put("programs", solution.programs());
  }

  private static void simulation(ObjectNode node, Simulation block) {
    node.put("prefill_s", block.prefillSeconds())
        .put("decode_s", block.decodeSeconds())
        .put("throughput_tok_per_s", block.throughputTokensPerSecond());
    var steps = node.putArray("steps");
    for (var step : block.steps()) {
      var one = steps.addObject().put("step", step.title()).put("step_s", step.seconds());
      var lanes = one.putArray("lanes");
      for (var lane : step.lanes()) {
        lanes
            .addObject()
            .put("resource", lane.name())
            .put("busy_s", lane.busySeconds())
            .put("bottleneck", lane.bottleneck());
      }
    }
    var stalls = node.putArray("stalls");
    for (var stall : block.stalls()) {
      stalls
          .addObject()
          .put("phase", stall.phase())
          .put("waited_for", stall.waitedFor())
          .put("stalled_s", stall.seconds());
    }
  }

  private static void measured(ObjectNode node, Measured run, Explanation explained) {
    var ratios = node.putObject("measured_over_predicted");
    Compared.of(explained.predicted(), run).forEach(pair -> ratios.put(pair.name(), pair.ratio()));
    node.put("prompt_tokens", run.promptTokens())
        .put("generated_tokens", run.generatedTokens())
        .put("decode_tokens", run.decodeTokens())
        .put("first_token_s", run.firstTokenSeconds())
        .put("prefill_s", run.prefillSeconds())
        .put("decode_s", run.decodeSeconds())
        .put("prefill_tok_per_s", run.prefillTokensPerSecond())
        .put("decode_tok_per_s", run.decodeTokensPerSecond())
        .put("throughput_tok_per_s", run.throughputTokensPerSecond())
        .put("kernels", run.kernels())
        .put("emulated", run.emulated());
    var lanes = node.putArray("lanes");
    for (var lane : ComparedLane.of(explained.predicted(), explained.solution(), run)) {
      var one = lanes.addObject().put("phase", lane.phase()).put("lane", lane.lane());
      lane.predicted().ifPresent(share -> one.put("predicted_busy_share", share));
      one.put("measured_busy_share", lane.measured());
    }
  }
}
