package dev.stowage.compiler.explain;

import dev.stowage.compiler.explain.Explanation.Layer;
import dev.stowage.compiler.explain.Explanation.Part;
import dev.stowage.compiler.explain.Explanation.Solution;
import dev.stowage.compiler.explain.Explanation.Timing;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;
import java.util.List;

/** An explanation as text for a terminal. */
public final class HumanReport {
  private final Explanation explained;

  private HumanReport(Explanation explained) {
    this.explained = explained;
  }

  public static String render(Explanation explained) {
    return new HumanReport(explained).text();
  }

  private String text() {
    var model = explained.model();
    var batch = explained.batch();
    var text = new StringBuilder();
    text.append(
        Amount.format(
            "plan %s: %s, %d layers, %s of weights as %s, KV as %s%n",
            explained.plan(),
            (model.shapeOnly() ? "shape " : "") + model.source(),
            model.layers(),
            Amount.bytes(model.weightBytes()),
            model.weightType(),
            model.kvType()));
    text.append(
        Amount.format(
            "  batch %d in %d micro-batches, prompt %d tok, generate %d tok, prefill in chunks of %d tok%n%n",
            batch.sequences(),
            batch.microBatches(),
            batch.promptTokens(),
            batch.generateTokens(),
            batch.prefillChunk()));
    text.append("where bytes lie\n").append(shares()).append('\n');
    if (layersDiffer()) {
      text.append("where the KV of layers lies\n").append(kvOfLayers()).append('\n');
    }
    text.append("what devices hold\n").append(devices());
    text.append("  beside them, the process itself: ").append(process()).append("\n\n");
    text.append("schedule\n  ").append(schedule(explained.schedule())).append("\n\n");
    text.append(prediction());
    explained.solution().ifPresent(solution -> append(text, solution));
    explained.solution().flatMap(Solution::advice).ifPresent(advice -> append(text, advice));
    explained.measured().ifPresent(run -> append(text, run));
    return text.toString();
  }

  private String shares() {
    var table = new Table("what", "on", "asked", "planned>", "realised>", "bytes>");
    for (var share : explained.shares()) {
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

  private boolean layersDiffer() {
    return cached().stream().map(Layer::kv).distinct().count() > 1;
  }

  private List<Layer> cached() {
    return explained.layers().stream().filter(layer -> !layer.kv().isEmpty()).toList();
  }

  /** Neighbouring layers that lie alike share their lines. */
  private String kvOfLayers() {
    var table = new Table("layers", "on", "share>", "bytes>");
    var layers = cached();
    int from = 0;
    for (int to = 1; to <= layers.size(); to++) {
      if (to == layers.size() || !layers.get(to).kv().equals(layers.get(from).kv())) {
        String first = layers.get(from).name();
        String last = layers.get(to - 1).name();
        long all = layers.get(from).kv().stream().mapToLong(Part::bytes).sum();
        for (var part : layers.get(from).kv()) {
          table.row(
              first.equals(last) ? first : first + "-" + last,
              part.device(),
              Amount.percent((double) part.bytes() / all),
              Amount.bytes(part.bytes() * (to - from)));
        }
        from = to;
      }
    }
    return table.text();
  }

  private String devices() {
    var table =
        new Table(
            "device", "kind", "weights>", "kv>", "activations>", "working>", "total>", "usable>");
    for (var device : explained.devices()) {
      if (device.plannedBytes() > 0) {
        table.row(
            device.name(),
            device.kindInWords(),
            Amount.bytes(device.weightBytes()),
            Amount.bytes(device.kvBytes()),
            Amount.bytes(device.activationBytes()),
            Amount.bytes(device.workingBytes()),
            Amount.bytes(device.plannedBytes()),
            Amount.bytes(device.usableBytes()));
      }
    }
    return table.text();
  }

  private String process() {
    return "at most %s of host memory, %s more where it also compiles the plan"
        .formatted(Amount.bytes(explained.processBytes()), Amount.bytes(Footprint.COMPILING_BYTES));
  }

  static String schedule(Timing schedule) {
    String lanes =
        schedule.lanes().isEmpty()
            ? "no device beside the compute lane"
            : "beside the compute lane: " + String.join(", ", schedule.lanes());
    String loads =
        switch (schedule.prefetch()) {
          case 0 -> "weights loaded when they are needed";
          case 1 -> "weights loaded up to 1 stop ahead";
          default -> "weights loaded up to %d stops ahead".formatted(schedule.prefetch());
        };
    String held =
        schedule
            .held()
            .map(
                kv ->
                    " (requests begin one after another: kv takes %s in place of %s)"
                        .formatted(Amount.bytes(kv.bytes()), Amount.bytes(kv.wholeBytes())))
            .orElse("");
    return String.join(", ", schedule.order() + held, loads, lanes);
  }

  private String prediction() {
    var predicted = explained.predicted();
    return Amount.format(
        "predicted for a block%s%n"
            + "  prefill  %s (%s), bound by %s%n"
            + "  decode   %s (%s), bound by %s%n"
            + "  throughput %s%n",
        explained.emulated() ? " (with an emulated drive's rates where one takes part)" : "",
        Amount.seconds(predicted.prefillSeconds()),
        Amount.rate(predicted.prefillTokensPerSecond()),
        predicted.prefillBound(),
        Amount.seconds(predicted.decodeSeconds()),
        Amount.rate(predicted.decodeTokensPerSecond()),
        predicted.decodeBound(),
        Amount.rate(predicted.throughputTokensPerSecond()));
  }

  private static void append(StringBuilder text, Solution solution) {
    var busy = new Table("phase", "resource", "busy>", "");
    solution
        .busy()
        .forEach(
            b ->
                busy.row(
                    b.phase(),
                    b.resource(),
                    Amount.seconds(b.seconds()),
                    b.binding() ? "decides" : ""));
    text.append("\nwhat works how long for a block\n").append(busy.text());
    if (!solution.prices().isEmpty()) {
      var prices =
          new Table("limit", "one more", "changes a block's time by>", "throughput by>", "said at");
      for (var price : solution.prices()) {
        var said =
            price.statements().stream().map(s -> s.file() + ":" + s.line()).distinct().toList();
        prices.row(
            price.limit(),
            price.unit(),
            signed(price.secondsPerUnit(), Amount.seconds(Math.abs(price.secondsPerUnit()))),
            signed(
                price.tokensPerSecondPerUnit(),
                Amount.rate(Math.abs(price.tokensPerSecondPerUnit()))),
            String.join(", ", said));
      }
      text.append("\nwhat limits the plan (prices hold near this plan only)\n");
      text.append(prices.text());
    }
  }

  private static void append(StringBuilder text, Advice advice) {
    for (var part : AdviceText.parts(advice)) {
      text.append('\n').append(part.title()).append("\n  ").append(part.lead()).append('\n');
      if (!part.rows().isEmpty()) {
        var table = new Table(part.heads().toArray(String[]::new));
        part.rows().forEach(row -> table.row(row.toArray(String[]::new)));
        text.append(table.text());
      }
    }
    if (!advice.leftOut().isEmpty()) {
      text.append("\nleft out\n");
      advice.leftOut().forEach(line -> text.append("  ").append(line).append('\n'));
    }
  }

  static String signed(double value, String amount) {
    return (value < 0 ? "-" : "+") + amount;
  }

  /** A minus where there is one to say. */
  static String sign(double value) {
    return value < 0 ? "-" : "";
  }

  private void append(StringBuilder text, Measured run) {
    var table = new Table("rate", "predicted>", "measured>", "measured / predicted>");
    for (var pair : Compared.of(explained.predicted(), run)) {
      table.row(
          pair.name(),
          Amount.rate(pair.predicted()),
          Amount.rate(pair.measured()),
          pair.predicted() > 0 ? Amount.percent(pair.ratio()) : "");
    }
    text.append("\npredicted for a full block, measured in a run of ")
        .append(run.promptTokens())
        .append(" prompt and ")
        .append(run.generatedTokens())
        .append(" generated tokens")
        .append(run.emulated() ? ", with an emulated drive" : "")
        .append('\n')
        .append(table.text());
    var lanes = new Table("phase", "lane", "predicted busy>", "measured busy>");
    var compared = ComparedLane.of(explained.predicted(), explained.solution(), run);
    for (var lane : compared) {
      lanes.row(
          lane.phase(),
          lane.lane(),
          lane.predicted().isPresent() ? Amount.percent(lane.predicted().getAsDouble()) : "",
          Amount.percent(lane.measured()));
    }
    if (!compared.isEmpty()) {
      text.append('\n').append(lanes.text());
    }
  }
}
