package dev.stowage.examples;

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
 * Plans written by hand for tests: shares in, regions out, no optimizer. Devices are {@code ram},
 * {@code ssd} and {@code inst}.
 *
 * @param weights share of every matrix's rows by device, in order; sums to one
 * @param gpuAttends whether a gpu that computes attends to what lies in host memory or on a disk
 * @param waitOnHost micro-batches whose hidden states wait in host memory while a gpu computes
 * @param cuts layers at which another gpu goes on, {@code gpu1}, {@code gpu2}, …; {@code gpu} in
 *     shares is then the gpu that computes the layer
 * @param weightType how the layers' matrices are stored; empty for as in the model
 * @param kv share of the KV cache by device, in order, along {@code axis}
 */
record Draft(
    Path model,
    BatchShape batch,
    ElementType kvType,
    Map<String, Double> weights,
    Map<String, Double> kv,
    Axis axis,
    int prefetch,
    long hostBytes,
    Optional<Sparsity> sparsity,
    Optional<ElementType> weightType,
    boolean gpuAttends,
    int waitOnHost,
    List<Integer> cuts) {
  enum Axis {
    LAYERS,
    SEQUENCES,
    HEADS,
    TOKENS
  }

  static final long PLENTY = 1L << 30;

  static Draft allOnHost(Path model, BatchShape batch, ElementType kvType) {
    return new Draft(
        model,
        batch,
        kvType,
        Map.of("ram", 1.0),
        Map.of("ram", 1.0),
        Axis.TOKENS,
        1,
        PLENTY,
        Optional.empty(),
        Optional.empty(),
        false,
        0,
        List.of());
  }

  Draft withWeights(Map<String, Double> shares) {
    return new Draft(
        model,
        batch,
        kvType,
        shares,
        kv,
        axis,
        prefetch,
        hostBytes,
        sparsity,
        weightType,
        gpuAttends,
        waitOnHost,
        cuts);
  }

  Draft withKv(Map<String, Double> shares, Axis along) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        shares,
        along,
        prefetch,
        hostBytes,
        sparsity,
        weightType,
        gpuAttends,
        waitOnHost,
        cuts);
  }

  Draft withPrefetch(int stops) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        stops,
        hostBytes,
        sparsity,
        weightType,
        gpuAttends,
        waitOnHost,
        cuts);
  }

  Draft withHostBytes(long bytes) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        bytes,
        sparsity,
        weightType,
        gpuAttends,
        waitOnHost,
        cuts);
  }

  /** Attention of decode reads a part of every region. */
  Draft withSparsity(Sparsity part) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        hostBytes,
        Optional.of(part),
        weightType,
        gpuAttends,
        waitOnHost,
        cuts);
  }

  /**
   * Stores the matrices of layers, not the tables of tokens and positions, as a type of one's own
   * choice.
   */
  Draft withWeightType(ElementType type) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        hostBytes,
        sparsity,
        Optional.of(type),
        gpuAttends,
        waitOnHost,
        cuts);
  }

  /** A gpu attends to what lies in host memory or on a disk, or leaves that to the host. */
  Draft withGpuAttending(boolean attends) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        hostBytes,
        sparsity,
        weightType,
        attends,
        waitOnHost,
        cuts);
  }

  /** Hidden states of so many micro-batches wait in host memory, where a gpu computes. */
  Draft withWaitingOnHost(int microBatches) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        hostBytes,
        sparsity,
        weightType,
        gpuAttends,
        microBatches,
        cuts);
  }

  /** Several gpus compute: the next one goes on at each of these layers. */
  Draft withCuts(List<Integer> layers) {
    return new Draft(
        model,
        batch,
        kvType,
        weights,
        kv,
        axis,
        prefetch,
        hostBytes,
        sparsity,
        weightType,
        gpuAttends,
        waitOnHost,
        layers);
  }

  /** Shares in the order given. */
  static Map<String, Double> shares(Object... deviceThenShare) {
    var shares = new LinkedHashMap<String, Double>();
    for (int i = 0; i < deviceThenShare.length; i += 2) {
      shares.put((String) deviceThenShare[i], ((Number) deviceThenShare[i + 1]).doubleValue());
    }
    return shares;
  }

  ExecutablePlan plan() throws ModelFormatException {
    return Lowering.lower(placed());
  }

  Schedule schedule() throws ModelFormatException {
    return Lowering.schedule(placed());
  }

  private Placed placed() throws ModelFormatException {
    var folder = ModelHeaders.open(model);
    var shape = folder.shape();
    var devices =
        new ArrayList<>(
            List.of(
                device("ram", DeviceKind.HOST, hostBytes),
                device("ssd", DeviceKind.DISK, PLENTY),
                device("inst", DeviceKind.CSD, PLENTY),
                device("gpu", DeviceKind.GPU, PLENTY / 4)));
    for (int i = 1; i <= cuts.size(); i++) {
      devices.add(device("gpu" + i, DeviceKind.GPU, PLENTY / 4));
    }
    var machine = new Machine(devices, List.of());
    return new Placed(
        "draft",
        folder.source(model.toString()),
        shape,
        machine,
        batch,
        kvType,
        weightRegions(shape),
        kvRegions(shape),
        stages(shape),
        "ram",
        prefetch,
        waiting(),
        List.of(),
        new Prediction(1, 1, 1, 1, 1, "none", "none"));
  }

  private Map<String, Integer> waiting() {
    return waitOnHost == 0 || !cuts.isEmpty()
        ? Map.of(computeAt(), batch.microBatches())
        : Map.of(computeAt(), batch.microBatches() - waitOnHost, "ram", waitOnHost);
  }

  /** A plan that keeps anything on the gpu computes there. */
  private String computeAt() {
    return weights.containsKey("gpu") || kv.containsKey("gpu") ? "gpu" : "ram";
  }

  private Stages stages(ModelShape shape) {
    var stages = new ArrayList<Stages.Stage>();
    int from = 0;
    for (int i = 0; i <= cuts.size(); i++) {
      int to = i < cuts.size() ? cuts.get(i) : shape.layers();
      stages.add(new Stages.Stage(new Range(from, to), i == 0 ? computeAt() : "gpu" + i));
      from = to;
    }
    return new Stages(stages);
  }

  /** The gpu of a stage, where shares say {@code gpu}. */
  private static String at(String device, String compute) {
    return device.equals("gpu") ? compute : device;
  }

  private static DeviceSpec device(String name, DeviceKind kind, long bytes) {
    return new DeviceSpec(
        name,
        kind,
        bytes,
        0,
        kind == DeviceKind.DISK || kind == DeviceKind.CSD ? Optional.of(".") : Optional.empty(),
        kind == DeviceKind.CSD,
        Map.of());
  }

  private List<WeightRegion> weightRegions(ModelShape shape) {
    var regions = new ArrayList<WeightRegion>();
    var stages = stages(shape);
    for (var weight : Weight.values()) {
      int rows = shape.rows(weight);
      for (var layers : alike(shape, weight)) {
        var compute = stages.at(shape, weight, layers.from());
        cut(weights, rows)
            .forEach(
                (device, range) ->
                    regions.add(
                        new WeightRegion(
                            weight,
                            layers,
                            range,
                            at(device, compute),
                            weight.perLayer()
                                ? weightType.orElse(shape.type(weight, layers.from()))
                                : shape.type(weight, layers.from()))));
      }
    }
    return regions;
  }

  /** Runs of layers of one stage that store a matrix as one type. */
  private List<Range> alike(ModelShape shape, Weight weight) {
    var runs = new ArrayList<Range>();
    int count = weight.perLayer() ? shape.layers() : 1;
    int from = 0;
    for (int layer = 1; layer <= count; layer++) {
      if (layer == count
          || shape.type(weight, layer) != shape.type(weight, from)
          || cuts.contains(layer)) {
        runs.add(new Range(from, layer));
        from = layer;
      }
    }
    return runs;
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
    for (var stage : stages(shape).list()) {
      cut(kv, units)
          .forEach(
              (share, range) -> {
                var device = at(share, stage.device());
                var own = axis == Axis.LAYERS ? both(range, stage.layers()) : stage.layers();
                if (!own.isEmpty()) {
                  regions.add(
                      new KvRegion(
                          "kv." + share + (cuts.isEmpty() ? "" : "." + stage.device()),
                          own,
                          axis == Axis.SEQUENCES ? range : sequences,
                          axis == Axis.HEADS ? range : heads,
                          axis == Axis.TOKENS ? range : tokens,
                          device,
                          attendAt(device, stage.device()),
                          sparsity));
                }
              });
    }
    return regions;
  }

  private static Range both(Range one, Range other) {
    int from = Math.max(one.from(), other.from());
    return new Range(from, Math.max(from, Math.min(one.to(), other.to())));
  }

  private String attendAt(String device, String compute) {
    return switch (device) {
      case "ram", "ssd" -> gpuAttends ? compute : "ram";
      default -> device;
    };
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
