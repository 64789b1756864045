package dev.stowage.compiler.migrate;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.optimizer.flexgen.FlexGenConstants;
import dev.stowage.optimizer.flexgen.FlexGenCost;
import dev.stowage.optimizer.flexgen.FlexGenCost.Overlap;
import dev.stowage.optimizer.flexgen.FlexGenPeaks;
import dev.stowage.optimizer.flexgen.FlexGenPolicy;
import dev.stowage.optimizer.flexgen.FlexGenPolicy.Shares;
import dev.stowage.optimizer.flexgen.FlexGenWork;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What FlexGen's own cost model says of a plan's policy: its planned shares, before whole rows and
 * sequences. A baseline to compare with; the prediction of the plan is another.
 */
public final class FlexGenReport {
  private static final String LABEL = "FlexGen's baseline cost model, not the plan's prediction";
  private static final double GIB = 1L << 30;

  private final ExecutablePlan plan;
  private final FlexGenPolicy policy;
  private final FlexGenConstants constants;
  private final FlexGenCost released;
  private final FlexGenCost paper;
  private final FlexGenPeaks peaks;
  private final List<String> notes = new ArrayList<>();

  /**
   * @param constants FlexGen's constants that differ from its T4's, by its names: B/s and FLOP/s
   * @throws ImportException where the plan has no gpu, or a constant is none of FlexGen's
   */
  public FlexGenReport(ExecutablePlan plan, Map<String, Double> constants) {
    if (plan.machine().devices().stream().noneMatch(d -> d.kind() == DeviceKind.GPU)) {
      throw new ImportException(
          "FlexGen's cost model is for a gpu, and the plan %s has none".formatted(plan.name()));
    }
    this.plan = plan;
    this.constants = constants(constants);
    var shares = PlanShares.of(plan);
    var types = plan.weights().stream().map(region -> region.type()).distinct().toList();
    boolean compressed = types.contains(ElementType.INT4);
    var batch = plan.batch();
    policy =
        new FlexGenPolicy(
            batch.sequencesPerMicroBatch(),
            batch.microBatches(),
            shares(shares.weights()),
            shares(shares.cache()),
            shares(shares.hidden()),
            compressed);
    var work =
        FlexGenWork.of(plan.shape(), batch.promptTokens(), Math.max(1, batch.generateTokens()));
    released = FlexGenCost.of(work, policy, this.constants, Overlap.RELEASED);
    paper = FlexGenCost.of(work, policy, this.constants, Overlap.PAPER);
    peaks = FlexGenPeaks.of(work, policy);
    note(compressed && types.size() > 1, "some matrices are 4-bit: all are counted so");
    note(types.contains(ElementType.INT8), "8-bit weights are counted as 16-bit");
    note(
        plan.kvType().quantized(),
        "a KV cache in %s is counted as 16-bit"
            .formatted(plan.kvType().name().toLowerCase(Locale.ROOT)));
    note(shares.usesCsd(), "computational storage is counted as disk, its attention as the cpu's");
    note(
        plan.kv().stream().anyMatch(region -> region.sparsity().isPresent()),
        "sparse attention is counted as dense");
    note(
        plan.shape().heads() != plan.shape().kvHeads(),
        "grouped-query attention is counted as one KV head for each query head");
    note(!plan.shape().family().isOpt(), "a third matrix of the feed-forward block is not counted");
    note(
        batch.sequences() % batch.microBatches() != 0,
        "%d sequences are counted as %d alike batches of %d"
            .formatted(batch.sequences(), policy.batches(), policy.batchSize()));
  }

  private static FlexGenConstants constants(Map<String, Double> values) {
    try {
      return new FlexGenConstants(values);
    } catch (IllegalArgumentException e) {
      throw new ImportException("--constant: " + e.getMessage());
    }
  }

  private static Shares shares(PlanShares.Split split) {
    return new Shares(split.gpu(), split.host(), split.disk());
  }

  private void note(boolean holds, String note) {
    if (holds) {
      notes.add(note);
    }
  }

  /** One versioned object, units in its keys. */
  public ObjectNode json() {
    var node = JsonMapper.builder().build().createObjectNode().put("schemaVersion", 1);
    node.put("plan", plan.name()).put("model", LABEL);
    node.put("prompt_tok", plan.batch().promptTokens());
    node.put("generate_tok", plan.batch().generateTokens());
    node.put("gpu_batch_size", policy.batchSize()).put("num_gpu_batches", policy.batches());
    node.put("compress_weight", policy.compressWeights());
    shares(node.putObject("weights_share"), policy.weights());
    shares(node.putObject("kv_share"), policy.cache());
    shares(node.putObject("activations_share"), policy.hidden());
    terms(node.putObject("prefill_layer"), released.prefill());
    terms(node.putObject("decode_layer"), released.decode());
    node.put("gpu_prefill_bytes", peaks.gpuPrefill()).put("gpu_decode_bytes", peaks.gpuDecode());
    node.put("host_prefill_bytes", peaks.cpuPrefill()).put("host_decode_bytes", peaks.cpuDecode());
    node.put("disk_bytes", peaks.disk());
    node.put("overlap", "released");
    node.put("total_s", released.totalSeconds());
    node.put("throughput_tok_per_s", released.throughputTokensPerSecond());
    node.put("paper_total_s", paper.totalSeconds());
    node.put("paper_throughput_tok_per_s", paper.throughputTokensPerSecond());
    var used = node.putObject("constants");
    constants.values().forEach(used::put);
    var said = node.putArray("notes");
    notes.forEach(said::add);
    return node;
  }

  private static void shares(ObjectNode node, Shares shares) {
    node.put("gpu", shares.gpu()).put("host", shares.cpu()).put("disk", shares.disk());
  }

  private static void terms(ObjectNode node, FlexGenCost.Terms terms) {
    node.put("ctog_s", terms.ctog()).put("gtoc_s", terms.gtoc()).put("dtoc_s", terms.dtoc());
    node.put("ctod_s", terms.ctod()).put("comp_s", terms.comp());
  }

  public String human() {
    var text = new StringBuilder();
    line(text, "plan %s by %s", plan.name(), LABEL);
    line(
        text,
        "block       %d batches of %d, prompt %d tok, generate %d tok%s",
        policy.batches(),
        policy.batchSize(),
        plan.batch().promptTokens(),
        plan.batch().generateTokens(),
        policy.compressWeights() ? ", 4-bit weights" : "");
    line(text, "%n%-12s %10s %10s %10s", "share", "gpu", "host", "disk");
    shareLine(text, "weights", policy.weights());
    shareLine(text, "kv", policy.cache());
    shareLine(text, "activations", policy.hidden());
    line(
        text,
        "%n%-12s %10s %10s %10s %10s %10s",
        "layer, s",
        "ctog",
        "gtoc",
        "dtoc",
        "ctod",
        "comp");
    termLine(text, "prefill", released.prefill());
    termLine(text, "decode", released.decode());
    line(text, "%n%-12s %10s %10s %10s", "peak, GiB", "gpu", "host", "disk");
    line(
        text,
        "%-12s %10.3f %10.3f %10.3f",
        "prefill",
        peaks.gpuPrefill() / GIB,
        peaks.cpuPrefill() / GIB,
        peaks.disk() / GIB);
    line(
        text,
        "%-12s %10.3f %10.3f %10.3f",
        "decode",
        peaks.gpuDecode() / GIB,
        peaks.cpuDecode() / GIB,
        peaks.disk() / GIB);
    text.append(System.lineSeparator());
    total(text, "released", released);
    total(text, "paper", paper);
    line(text, "%nconstants");
    constants.values().forEach((name, value) -> line(text, "  %-18s %.6g", name, value));
    notes.forEach(note -> line(text, "note: %s", note));
    return text.toString();
  }

  private static void total(StringBuilder text, String overlap, FlexGenCost cost) {
    line(
        text,
        "%-12s %10.3f s %12.3f tok/s",
        overlap,
        cost.totalSeconds(),
        cost.throughputTokensPerSecond());
  }

  private static void shareLine(StringBuilder text, String what, Shares shares) {
    line(
        text,
        "%-12s %9.1f%% %9.1f%% %9.1f%%",
        what,
        100 * shares.gpu(),
        100 * shares.cpu(),
        100 * shares.disk());
  }

  private static void termLine(StringBuilder text, String phase, FlexGenCost.Terms terms) {
    line(
        text,
        "%-12s %10.6f %10.6f %10.6f %10.6f %10.6f",
        phase,
        terms.ctog(),
        terms.gtoc(),
        terms.dtoc(),
        terms.ctod(),
        terms.comp());
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
  }
}
