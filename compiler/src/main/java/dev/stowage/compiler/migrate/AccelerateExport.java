package dev.stowage.compiler.migrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;

/** A device_map of accelerate for a plan: Python, since JSON has no comments. */
final class AccelerateExport {
  private AccelerateExport() {}

  static String of(ExecutablePlan plan) {
    var said = new ArrayList<String>();
    String base = plan.shape().family().isOpt() ? "model.decoder" : "model";
    var lines = new ArrayList<String>();
    lines.add(line(base + ".embed_tokens", of(plan, Weight.Group.EMBED)));
    if (plan.shape().family().isOpt()) {
      lines.add(line(base + ".embed_positions", of(plan, Weight.Group.EMBED)));
    }
    for (int layer = 0; layer < plan.shape().layers(); layer++) {
      var kind = most(plan, layer);
      if (!LayerPlaces.whole(plan, layer, kind)) {
        said.add(
            "layer %d lies in parts; accelerate places whole modules: where most of it is"
                .formatted(layer));
      }
      lines.add(line("%s.layers.%d".formatted(base, layer), kind));
    }
    lines.add(
        line(
            base + (plan.shape().family().isOpt() ? ".final_layer_norm" : ".norm"),
            DeviceKind.GPU,
            plan));
    lines.add(
        line(
            "lm_head",
            plan.shape().tiedHead() ? of(plan, Weight.Group.EMBED) : of(plan, Weight.Group.HEAD)));
    var shares = PlanShares.of(plan);
    if (shares.cache().gpu() < 1) {
      said.add(
          "accelerate keeps KV where it computes; the plan has %d %% of it on the gpu"
              .formatted(Math.round(100 * shares.cache().gpu())));
    }
    if (shares.usesCsd()) {
      said.add("accelerate knows no computational storage: what is there is on 'disk'");
    }
    if (plan.weights().stream()
        .anyMatch(
            region ->
                region.type() != plan.shape().type(region.weight(), region.layers().from()))) {
      said.add("accelerate does not quantize: use a quantization_config beside the map");
    }
    said.add(
        "accelerate does not know the workload: batch %d, prompt %d, generate %d"
            .formatted(
                plan.batch().sequences(),
                plan.batch().promptTokens(),
                plan.batch().generateTokens()));
    var text = new StringBuilder();
    said.forEach(comment -> text.append("# ").append(comment).append('\n'));
    text.append("device_map = {\n");
    lines.forEach(entry -> text.append("    ").append(entry).append(",\n"));
    return text.append("}\n").toString();
  }

  private static DeviceKind most(ExecutablePlan plan, int layer) {
    var best = DeviceKind.GPU;
    for (var kind : List.of(DeviceKind.HOST, DeviceKind.DISK, DeviceKind.CSD)) {
      if (LayerPlaces.part(plan, layer, kind) > LayerPlaces.part(plan, layer, best)) {
        best = kind;
      }
    }
    return best;
  }

  private static DeviceKind of(ExecutablePlan plan, Weight.Group group) {
    return plan.weights().stream()
        .filter(region -> region.weight().group() == group)
        .findFirst()
        .map(region -> LayerPlaces.kind(plan, region))
        .orElse(DeviceKind.HOST);
  }

  /** A norm, which lies where the compute is. */
  private static String line(String name, DeviceKind wanted, ExecutablePlan plan) {
    boolean has = plan.machine().devices().stream().anyMatch(device -> device.kind() == wanted);
    return line(name, has ? wanted : DeviceKind.HOST);
  }

  private static String line(String name, DeviceKind kind) {
    return "\"%s\": %s"
        .formatted(
            name,
            switch (kind) {
              case GPU -> "0";
              case HOST -> "\"cpu\"";
              case DISK, CSD -> "\"disk\"";
            });
  }
}
