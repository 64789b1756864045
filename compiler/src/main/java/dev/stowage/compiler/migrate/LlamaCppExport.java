package dev.stowage.compiler.migrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.Locale;

/** llama.cpp's nearest flags for a plan. */
final class LlamaCppExport {
  private LlamaCppExport() {}

  static String of(ExecutablePlan plan) {
    var said = new ArrayList<String>();
    var flags = new ArrayList<String>();
    flags.add(
        "-m "
            + switch (plan.source()) {
              case ModelSource.Gguf(var path, var _) -> Exports.word(path);
              case ModelSource.HuggingFace(var path, var _) -> {
                said.add("llama.cpp reads GGUF files: convert the model first");
                yield Exports.word(path);
              }
              case ModelSource.ShapeOnly(var name) -> {
                said.add("the plan is for a shape without weights: name a GGUF file of it");
                yield name + ".gguf";
              }
            });
    int layers = plan.shape().layers();
    long onGpu = 0;
    boolean atEnd = true;
    for (int layer = 0; layer < layers; layer++) {
      boolean whole = LayerPlaces.whole(plan, layer, DeviceKind.GPU);
      onGpu += whole ? 1 : 0;
      atEnd &= whole || onGpu == 0;
      if (!whole && LayerPlaces.part(plan, layer, DeviceKind.GPU) > 0) {
        said.add(
            "layer %d is on the gpu in part; llama.cpp's -ngl has whole layers only: counted as host"
                .formatted(layer));
      }
    }
    boolean head =
        onGpu == layers
            && plan.weights().stream()
                .filter(region -> region.weight().group() == Weight.Group.HEAD)
                .allMatch(region -> LayerPlaces.kind(plan, region) == DeviceKind.GPU);
    flags.add("-ngl " + (onGpu + (head ? 1 : 0)));
    if (!atEnd) {
      said.add("-ngl N is the last N layers; the plan's are others");
    }
    var batch = plan.batch();
    flags.add(
        "-c "
            + Math.multiplyExact(
                (long) batch.sequences(), batch.promptTokens() + batch.generateTokens()));
    flags.add("-np " + batch.sequences());
    flags.add("-n " + batch.generateTokens());
    switch (plan.kvType()) {
      case INT8, Q8_0 -> flags.add("-ctk q8_0 -ctv q8_0");
      case INT4, Q4_0 -> flags.add("-ctk q4_0 -ctv q4_0");
      case F32, F16, BF16 -> {}
      case Q4_K, Q6_K ->
          said.add("no KV cache type for " + plan.kvType().name().toLowerCase(Locale.ROOT));
    }
    var shares = PlanShares.of(plan);
    if (onGpu > 0 && shares.cache().gpu() == 0) {
      flags.add("--no-kv-offload");
    } else if (onGpu > 0 && Math.abs(shares.cache().gpu() - (double) onGpu / layers) > 0.005) {
      said.add(
          "llama.cpp keeps a layer's KV with it; the plan has %d %% of it on the gpu"
              .formatted(Math.round(100 * shares.cache().gpu())));
    }
    if (shares.weights().disk() > 0 || shares.cache().disk() > 0) {
      said.add("llama.cpp streams weights from disk only as mmap does, and KV not at all");
    }
    if (plan.weights().stream()
        .anyMatch(
            region ->
                region.type() != plan.shape().type(region.weight(), region.layers().from()))) {
      said.add(
          "the plan quantizes weights as it loads them; llama.cpp reads a file that is quantized already (llama-quantize)");
    }
    if (batch.microBatches() > 1) {
      said.add("llama.cpp has no micro-batches that take turns at a layer");
    }
    said.add("llama.cpp computes a layer where it lies; the plan computes matrices at one place");
    return Exports.text("llama-server", flags, said);
  }
}
