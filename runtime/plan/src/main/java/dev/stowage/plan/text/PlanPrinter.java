package dev.stowage.plan.text;

import static dev.stowage.plan.text.TextWriter.name;
import static dev.stowage.plan.text.TextWriter.quoted;
import static dev.stowage.plan.text.TextWriter.yesNo;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Section;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Prints a plan, all of it, so that {@link PlanParser} yields an equal one. */
public final class PlanPrinter {
  private final TextWriter out = new TextWriter();

  private PlanPrinter() {}

  /** The plan's text; every line ends with a line feed. */
  public static String print(ExecutablePlan plan) {
    var printer = new PlanPrinter();
    printer.plan(plan);
    return printer.out.text();
  }

  private void plan(ExecutablePlan plan) {
    out.line("plan", quoted(plan.name()));
    switch (plan.source()) {
      case ModelSource.HuggingFace(var path, var fingerprint) ->
          out.line("model", "hf", quoted(path), "fingerprint", quoted(fingerprint));
      case ModelSource.Gguf(var path, var fingerprint) ->
          out.line("model", "gguf", quoted(path), "fingerprint", quoted(fingerprint));
      case ModelSource.ShapeOnly(var name) -> out.line("model", "shape", quoted(name));
    }
    shape(plan.shape());
    machine(plan.machine());
    batch(plan.batch());
    out.line("kv-type", plan.kvType().word());
    out.open("weights");
    for (var region : plan.weights()) {
      out.line(
          region.weight().word(),
          "layers",
          region.layers(),
          "rows",
          region.rows(),
          "on",
          name(region.home()),
          "as",
          region.type().word());
    }
    out.end();
    out.open("kv");
    for (var region : plan.kv()) {
      var words = new ArrayList<Object>();
      words.addAll(
          List.of(
              "region",
              name(region.name()),
              "layers",
              region.layers(),
              "sequences",
              region.sequences(),
              "heads",
              region.heads(),
              "tokens",
              region.tokens(),
              "on",
              name(region.device()),
              "attend-at",
              name(region.attendAt())));
      region
          .sparsity()
          .ifPresent(
              s -> words.addAll(List.of("channels", s.channels(), "token-share", s.tokenShare())));
      out.line(words.toArray());
    }
    out.end();
    out.open("buffers");
    for (var buffer : plan.buffers()) {
      out.line(
          "buffer",
          name(buffer.name()),
          "on",
          name(buffer.device()),
          "for",
          buffer.purpose().word(),
          "bytes",
          buffer.bytes(),
          "instances",
          buffer.instances());
    }
    out.end();
    plan.sections().forEach(this::section);
    out.open("shares");
    for (var share : plan.shares()) {
      out.line(
          "share",
          name(share.what()),
          "on",
          name(share.device()),
          "asked",
          quoted(share.asked()),
          "planned",
          share.planned(),
          "realised",
          share.realised(),
          "bytes",
          share.bytes());
    }
    out.end();
    predicted(plan.predicted());
  }

  private void shape(ModelShape shape) {
    out.open("shape");
    out.line("family", shape.family().word());
    out.line("layers", shape.layers());
    out.line("hidden", shape.hidden());
    out.line("embedding", shape.embedding());
    out.line("ffn", shape.ffn());
    out.line("heads", shape.heads());
    out.line("kv-heads", shape.kvHeads());
    out.line("head-dim", shape.headDim());
    out.line("vocabulary", shape.vocabulary());
    out.line("max-positions", shape.maxPositions());
    out.line("norm-epsilon", shape.normEpsilon());
    switch (shape.ropePairs()) {
      case HALVES -> out.line("rope-theta", shape.ropeTheta());
      case INTERLEAVED -> out.line("rope-theta", shape.ropeTheta(), "interleaved");
    }
    switch (shape.ropeScaling()) {
      case RopeScaling.None() -> out.line("rope-scaling", "none");
      case RopeScaling.Linear(var factor) -> out.line("rope-scaling", "linear", "factor", factor);
      case RopeScaling.Llama3(var factor, var low, var high, var positions) ->
          out.line(
              "rope-scaling",
              "llama3",
              "factor",
              factor,
              "low",
              low,
              "high",
              high,
              "positions",
              positions);
      case RopeScaling.Factors() -> out.line("rope-scaling", "factors");
    }
    out.line("qkv-bias", yesNo(shape.qkvBias()));
    out.line("output-bias", yesNo(shape.outputBias()));
    out.line("mlp-bias", yesNo(shape.mlpBias()));
    out.line("tied-head", yesNo(shape.tiedHead()));
    out.line("sliding-window", shape.slidingWindow().map(String::valueOf).orElse("none"));
    out.line("weight-type", shape.stored().common().word());
    for (var other : shape.stored().others()) {
      out.line(
          "stored", other.weight().word(), "layers", other.layers(), "as", other.type().word());
    }
    out.end();
  }

  private void machine(Machine machine) {
    out.open("machine");
    machine.devices().forEach(this::device);
    for (var link : machine.links()) {
      out.line(
          "link",
          name(link.from()),
          "to",
          name(link.to()),
          "rate",
          link.bytesPerSecond(),
          "latency",
          link.latencySeconds(),
          link.origin().word());
    }
    out.end();
  }

  private void device(DeviceSpec device) {
    var words = new ArrayList<Object>();
    words.addAll(
        List.of(
            "device",
            name(device.name()),
            device.kind().word(),
            "capacity",
            device.capacityBytes(),
            "reserve",
            device.reserveBytes()));
    device.path().ifPresent(path -> words.addAll(List.of("path", quoted(path))));
    if (device.emulated()) {
      words.add("emulated");
    }
    out.open(words.toArray());
    for (var rate : device.rates().entrySet()) {
      out.line(
          "rate", rate.getKey().word(), rate.getValue().value(), rate.getValue().origin().word());
    }
    for (var curve : device.curves()) {
      curve
          .points()
          .forEach(
              (size, rate) -> {
                var line = new ArrayList<Object>(List.of("curve", curve.measure().word()));
                curve.type().ifPresent(type -> line.add(type.word()));
                line.addAll(List.of("at", size, rate.value(), rate.origin().word()));
                out.line(line.toArray());
              });
    }
    out.end();
  }

  private void batch(BatchShape batch) {
    var line =
        new ArrayList<Object>(
            List.of(
                "batch",
                "sequences",
                batch.sequences(),
                "micro-batches",
                batch.microBatches(),
                "prompt",
                batch.promptTokens(),
                "generate",
                batch.generateTokens(),
                "prefill-chunk",
                batch.prefillChunk()));
    if (batch.staggered()) {
      line.add("staggered");
    }
    out.line(line.toArray());
  }

  private void section(Section section) {
    out.open("section", name(section.name()), "layers", section.layers());
    section.steps().forEach(step -> out.line(StepText.print(step)));
    out.end();
  }

  private void predicted(Prediction predicted) {
    out.open("predicted");
    for (var number : numbers(predicted).entrySet()) {
      out.line(number.getKey(), number.getValue());
    }
    out.line("prefill-bound", quoted(predicted.prefillBound()));
    out.line("decode-bound", quoted(predicted.decodeBound()));
    out.end();
  }

  private static Map<String, Double> numbers(Prediction predicted) {
    var numbers = new java.util.LinkedHashMap<String, Double>();
    numbers.put("prefill-seconds", predicted.prefillSeconds());
    numbers.put("decode-seconds", predicted.decodeSeconds());
    numbers.put("prefill-tokens-per-second", predicted.prefillTokensPerSecond());
    numbers.put("decode-tokens-per-second", predicted.decodeTokensPerSecond());
    numbers.put("throughput-tokens-per-second", predicted.throughputTokensPerSecond());
    return numbers;
  }
}
