package dev.stowage.compiler.migrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** FlexGen's {@code flex_opt} flags for a plan. */
final class FlexGenExport {
  /**
   * A layer's matrices in the order of FlexGen's line, as parts of it: q, k, v and out of attention
   * as a line of their own, then the two of the feed-forward block.
   */
  private static final double[] MIDPOINTS_OF_ATTENTION = {0.125, 0.375, 0.625, 0.875};

  private static final double[] MIDPOINTS_OF_MLP = {0.25, 0.75};

  private FlexGenExport() {}

  static String of(ExecutablePlan plan, Schedule schedule) {
    var policy = PlanShares.of(plan);
    int weights = percent(policy.weights().gpu());
    var said = new ArrayList<String>();
    var flags = new ArrayList<String>();
    flags.add("--model " + model(plan, said));
    var batch = plan.batch();
    flags.add("--prompt-len " + batch.promptTokens());
    flags.add("--gen-len " + batch.generateTokens());
    flags.add("--gpu-batch-size " + batch.sequencesPerMicroBatch());
    flags.add("--num-gpu-batches " + batch.microBatches());
    flags.add(
        "--percent %s %s %s"
            .formatted(
                pair("weights", policy.weights(), said),
                pair("kv", policy.cache(), said),
                pair("activations", whole(policy.hidden(), said), said)));
    formats(plan, flags, said);
    attention(plan, flags, said);
    if (schedule.lanes().isEmpty()) {
      flags.add("--overlap false");
    }
    if (batch.sequences() % batch.microBatches() != 0) {
      said.add(
          "the plan's block is %d sequences; FlexGen's batches are alike, so its block is %d"
              .formatted(batch.sequences(), batch.sequencesPerMicroBatch() * batch.microBatches()));
    }
    if (weights > 0 && weights < 100) {
      said.add(
          "FlexGen lays whole tensors by their midpoints: of the %d %% of each layer asked for, %.1f %% come to lie on the gpu (one of 7 shares it can realise: 0, 8.3, 41.7, 50, 58.3, 91.7, 100); the plan has %.1f %% there"
              .formatted(weights, 100 * realised(weights), 100 * policy.weights().gpu()));
    }
    if (!plan.shape().family().isOpt()) {
      said.add("FlexGen runs OPT models only");
    }
    if (policy.usesCsd()) {
      said.add(
          "FlexGen knows no computational storage: what the plan has on csds is counted as disk");
    }
    if (plan.shares().stream().anyMatch(a -> a.asked().contains(" of "))) {
      said.add("FlexGen has one share for all layers; layers placed by name are averaged");
    }
    return Exports.text("python3 -m flexllmgen.flex_opt", flags, said);
  }

  /** The part of a layer that FlexGen's midpoint rule puts on the gpu. */
  static double realised(int percent) {
    double from = 1 - percent / 100.0; // the line runs from disk over cpu to gpu
    double part = 0;
    for (double midpoint : MIDPOINTS_OF_ATTENTION) {
      part += midpoint > from + 1e-9 ? 1.0 / 12 : 0;
    }
    for (double midpoint : MIDPOINTS_OF_MLP) {
      part += midpoint > from + 1e-9 ? 4.0 / 12 : 0;
    }
    return part;
  }

  static int percent(double share) {
    return (int) Math.round(100 * share);
  }

  private static String pair(String what, PlanShares.Split split, List<String> said) {
    int gpu = percent(split.gpu());
    int host = split.disk() > 0 ? Math.min(100 - gpu, percent(split.host())) : 100 - gpu;
    if (Math.abs(100 * split.gpu() - gpu) > 0.05 || Math.abs(100 * split.host() - host) > 0.05) {
      said.add(
          "%s: %.2f %% on the gpu and %.2f %% on the host become whole percents"
              .formatted(what, 100 * split.gpu(), 100 * split.host()));
    }
    return gpu + " " + host;
  }

  /** FlexGen runs activations on one device only. */
  private static PlanShares.Split whole(PlanShares.Split hidden, List<String> said) {
    if (hidden.gpu() == 1 || hidden.host() == 1) {
      return hidden;
    }
    said.add(
        "FlexGen keeps activations on the gpu or the host whole: the plan's %.0f %% on the gpu are rounded"
            .formatted(100 * hidden.gpu()));
    return hidden.gpu() >= 0.5 ? new PlanShares.Split(1, 0, 0) : new PlanShares.Split(0, 1, 0);
  }

  private static String model(ExecutablePlan plan, List<String> said) {
    return switch (plan.source()) {
      case ModelSource.ShapeOnly(var name) -> name.startsWith("opt-") ? "facebook/" + name : name;
      case ModelSource.HuggingFace(var path, var _) -> Exports.word(path);
      case ModelSource.Gguf(var path, var _) -> {
        said.add("FlexGen reads no GGUF files");
        yield Exports.word(path);
      }
    };
  }

  private static void formats(ExecutablePlan plan, List<String> flags, List<String> said) {
    var matrices = plan.weights().stream().map(region -> region.type()).distinct().toList();
    if (matrices.contains(ElementType.INT4)) {
      flags.add("--compress-weight");
      if (matrices.size() > 1) {
        said.add("FlexGen compresses all matrices or none");
      }
    } else if (matrices.contains(ElementType.INT8)) {
      said.add("FlexGen has no 8-bit weights");
    }
    switch (plan.kvType()) {
      case INT4 -> flags.add("--compress-cache");
      case INT8, Q8_0, Q4_0, Q4_K, Q6_K ->
          said.add(
              "FlexGen has no %s KV cache"
                  .formatted(plan.kvType().name().toLowerCase(Locale.ROOT)));
      case F32, F16, BF16 -> {}
    }
  }

  private static void attention(ExecutablePlan plan, List<String> flags, List<String> said) {
    boolean host =
        plan.kv().stream()
            .anyMatch(region -> plan.machine().device(region.attendAt()).kind() == DeviceKind.HOST);
    if (host) {
      flags.add("--cpu-cache-compute");
    }
    plan.kv().stream()
        .flatMap(region -> region.sparsity().stream())
        .findFirst()
        .ifPresent(
            sparsity ->
                said.add(
                    "the plan's attention is sparse (%s); FlexGen's --attn-sparsity reads all keys and is something else"
                        .formatted(sparsity)));
  }
}
