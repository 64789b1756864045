package dev.stowage.bundle;

import dev.stowage.compiler.lower.Lowering;
import dev.stowage.compiler.lower.Placed;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Range;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A plan from shares, without an optimizer: what random placements are made of. It computes on the
 * gpu if that holds anything, else on the host.
 *
 * @param weights share of every matrix's rows by device ({@code gpu}, {@code ram}, {@code ssd}), in
 *     order; sums to one
 * @param kv share of the KV cache by device (also {@code inst}, an emulated drive), along the axis
 * @param gpuBytes what the plan may use of the gpu
 * @param sparsity what attention of decode reads of the keys that gpu and host hold; empty for all
 */
record Draft(
    Path model,
    BatchShape batch,
    ElementType kvType,
    Map<String, Double> weights,
    Map<String, Double> kv,
    Axis axis,
    int prefetch,
    long gpuBytes,
    Optional<Sparsity> sparsity) {
  enum Axis {
    LAYERS,
    SEQUENCES,
    HEADS,
    TOKENS
  }

  private static final long PLENTY = 1L << 30;

  ExecutablePlan plan() throws ModelFormatException {
    return Lowering.lower(placed());
  }

  Schedule schedule() throws ModelFormatException {
    return Lowering.schedule(placed());
  }

  private Placed placed() throws ModelFormatException {
    var headers = ModelHeaders.open(model);
    var shape = headers.shape();
    String computes = weights.containsKey("gpu") || kv.containsKey("gpu") ? "gpu" : "ram";
    return new Placed(
        "draft",
        headers.source(model.toString()),
        shape,
        new Machine(
            List.of(
                device("ram", DeviceKind.HOST, PLENTY),
                device("ssd", DeviceKind.DISK, PLENTY),
                device("inst", DeviceKind.CSD, PLENTY),
                device("gpu", DeviceKind.GPU, gpuBytes)),
            List.of()),
        batch,
        kvType,
        weightRegions(shape),
        kvRegions(shape),
        Stages.on(computes, shape.layers()),
        "ram",
        prefetch,
        Map.of(computes, batch.microBatches()),
        List.of(),
        new Prediction(1, 1, 1, 1, 1, "none", "none"));
  }

  private static DeviceSpec device(String name, DeviceKind kind, long bytes) {
    boolean stored = kind == DeviceKind.DISK || kind == DeviceKind.CSD;
    return new DeviceSpec(
        name,
        kind,
        bytes,
        0,
        stored ? Optional.of(".") : Optional.empty(),
        kind == DeviceKind.CSD,
        Map.of());
  }

  private List<WeightRegion> weightRegions(ModelShape shape) {
    var regions = new ArrayList<WeightRegion>();
    for (var weight : Weight.values()) {
      int count = weight.perLayer() ? shape.layers() : 1;
      int from = 0;
      for (int layer = 1; layer <= count; layer++) {
        if (layer == count || shape.type(weight, layer) != shape.type(weight, from)) {
          var layers = new Range(from, layer);
          var type = shape.type(weight, from);
          cut(weights, shape.rows(weight))
              .forEach(
                  (device, rows) ->
                      regions.add(new WeightRegion(weight, layers, rows, device, type)));
          from = layer;
        }
      }
    }
    return regions;
  }

  private List<KvRegion> kvRegions(ModelShape shape) {
    var layers = Range.upTo(shape.layers());
    var sequences = Range.upTo(batch.sequences());
    var heads = Range.upTo(shape.kvHeads());
    var tokens = Range.upTo(batch.tokens());
    int units =
        switch (axis) {
          case LAYERS -> layers.size();
          case SEQUENCES -> sequences.size();
          case HEADS -> heads.size();
          case TOKENS -> tokens.size();
        };
    var regions = new ArrayList<KvRegion>();
    cut(kv, units)
        .forEach(
            (device, range) ->
                regions.add(
                    new KvRegion(
                        "kv." + device,
                        axis == Axis.LAYERS ? range : layers,
                        axis == Axis.SEQUENCES ? range : sequences,
                        axis == Axis.HEADS ? range : heads,
                        axis == Axis.TOKENS ? range : tokens,
                        device,
                        device.equals("ssd") ? "ram" : device,
                        sparsity)));
    return regions;
  }

  /** Cuts units by shares, at the nearest unit; a share that rounds to nothing gets no part. */
  private static Map<String, Range> cut(Map<String, Double> shares, int units) {
    var parts = new LinkedHashMap<String, Range>();
    double sum = 0;
    int from = 0;
    for (var share : shares.entrySet()) {
      sum += share.getValue();
      int to = (int) Math.round(Math.min(1, sum) * units);
      if (to > from) {
        parts.put(share.getKey(), new Range(from, to));
      }
      from = to;
    }
    return parts;
  }
}
