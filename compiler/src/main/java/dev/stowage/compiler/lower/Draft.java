package dev.stowage.compiler.lower;

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
import java.util.function.Consumer;

/**
 * A plan from shares, without an optimizer: what checks of placements are made of. Devices are
 * {@code ram}, {@code ssd}, {@code inst} (an emulated drive) and {@code gpu}; a draft with a share
 * for {@code gpu}, be it of nothing, computes there, any other on the host.
 *
 * <p>Shares are of every matrix's rows, and of the KV cache along an axis; they are cut in order,
 * at the nearest unit, and sum to one. A draft does not change: each {@code with…} makes another.
 */
public final class Draft {
  /** What the shares of the KV cache cut. */
  public enum Axis {
    LAYERS,
    SEQUENCES,
    HEADS,
    TOKENS
  }

  private static final long PLENTY = 1L << 30;

  private final Path model;
  private final ElementType kvType;
  private BatchShape batch;
  private Map<String, Double> weights = Map.of("ram", 1.0);
  private Map<String, Double> kv = Map.of("ram", 1.0);
  private Axis axis = Axis.TOKENS;
  private int prefetch = 1;
  private long hostBytes = PLENTY;
  private long gpuBytes = PLENTY / 4;
  private Optional<Sparsity> sparsity = Optional.empty();
  private Optional<ElementType> weightType = Optional.empty();
  private boolean gpuAttends;
  private int waitOnHost;
  private List<Integer> cuts = List.of();

  private Draft(Path model, BatchShape batch, ElementType kvType) {
    this.model = model;
    this.batch = batch;
    this.kvType = kvType;
  }

  /** Everything in host memory, of which there is 1 GiB. */
  public static Draft allOnHost(Path model, BatchShape batch, ElementType kvType) {
    return new Draft(model, batch, kvType);
  }

  private Draft with(Consumer<Draft> change) {
    var other = new Draft(model, batch, kvType);
    other.weights = weights;
    other.kv = kv;
    other.axis = axis;
    other.prefetch = prefetch;
    other.hostBytes = hostBytes;
    other.gpuBytes = gpuBytes;
    other.sparsity = sparsity;
    other.weightType = weightType;
    other.gpuAttends = gpuAttends;
    other.waitOnHost = waitOnHost;
    other.cuts = cuts;
    change.accept(other);
    return other;
  }

  public Path model() {
    return model;
  }

  public BatchShape batch() {
    return batch;
  }

  public Draft withBatch(BatchShape other) {
    return with(draft -> draft.batch = other);
  }

  public Draft withWeights(Map<String, Double> shares) {
    return with(draft -> draft.weights = shares);
  }

  public Draft withKv(Map<String, Double> shares, Axis along) {
    return with(
        draft -> {
          draft.kv = shares;
          draft.axis = along;
        });
  }

  /** Weights are loaded so many stops ahead. */
  public Draft withPrefetch(int stops) {
    return with(draft -> draft.prefetch = stops);
  }

  public Draft withHostBytes(long bytes) {
    return with(draft -> draft.hostBytes = bytes);
  }

  /** What the plan may use of each gpu. */
  public Draft withGpuBytes(long bytes) {
    return with(draft -> draft.gpuBytes = bytes);
  }

  /** Attention of decode reads a part of every region. */
  public Draft withSparsity(Sparsity part) {
    return with(draft -> draft.sparsity = Optional.of(part));
  }

  /** Stores the matrices of layers, not the tables of tokens and positions, as a type. */
  public Draft withWeightType(ElementType type) {
    return with(draft -> draft.weightType = Optional.of(type));
  }

  /** A gpu attends to what lies in host memory or on a disk, or leaves that to the host. */
  public Draft withGpuAttending(boolean attends) {
    return with(draft -> draft.gpuAttends = attends);
  }

  /** Hidden states of so many micro-batches wait in host memory, where one gpu computes. */
  public Draft withWaitingOnHost(int microBatches) {
    return with(draft -> draft.waitOnHost = microBatches);
  }

  /**
   * Several gpus compute, {@code gpu}, {@code gpu1}, {@code gpu2}, …: the next one goes on at each
   * of these layers. In shares {@code gpu} is then the gpu that computes the layer.
   */
  public Draft withCuts(List<Integer> layers) {
    return with(draft -> draft.cuts = List.copyOf(layers));
  }

  /** Shares in the order given. */
  public static Map<String, Double> shares(Object... deviceThenShare) {
    var shares = new LinkedHashMap<String, Double>();
    for (int i = 0; i < deviceThenShare.length; i += 2) {
      shares.put((String) deviceThenShare[i], ((Number) deviceThenShare[i + 1]).doubleValue());
    }
    return shares;
  }

  public ExecutablePlan plan() throws ModelFormatException {
    return Lowering.lower(placed());
  }

  public Schedule schedule() throws ModelFormatException {
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
                device("gpu", DeviceKind.GPU, gpuBytes)));
    for (int i = 1; i <= cuts.size(); i++) {
      devices.add(device("gpu" + i, DeviceKind.GPU, gpuBytes));
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

  @Override
  public String toString() {
    return "%s %s, weights %s as %s, kv %s of %s by %s, sparsity %s, prefetch %d, gpu attends %s, %d wait on ram, cuts %s"
        .formatted(
            model,
            batch,
            weights,
            weightType,
            kv,
            kvType,
            axis,
            sparsity,
            prefetch,
            gpuAttends,
            waitOnHost,
            cuts);
  }
}
