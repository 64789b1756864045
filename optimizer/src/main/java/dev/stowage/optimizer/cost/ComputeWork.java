package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Weight;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What every placement of a batch shape does alike, on the devices that compute.
 *
 * <pre>
 * compute    prefill 2 · B · E_once / PREFILL_COMPUTE + Σ_chunks ( 2 · B · c · E_layer + 4 · B · L · queryWidth · c(c+1)/2 ) / F(c · B/m)
 *            decode  (n − 1) · ( 2 · B · (E_layer + E_once) + 4 · B · L · queryWidth ) / F(B/m)
 * </pre>
 *
 * {@code E_layer} are the elements of all layers' matrices, {@code E_once} those of the projections
 * and the head, which only rows with logits meet. The embedding is a look-up. {@code F(rows)} is
 * the rate of products of so many rows: see {@link ProductRate}. What reading and unpacking the
 * matrices takes depends on how they are stored: see {@link WeightWork}. On a device with measured
 * curves, so do the products; norms and what else a pass costs are counted there too: see {@link
 * Speeds}.
 */
public final class ComputeWork {
  private static final double F32 = 4;

  private ComputeWork() {}

  /** The same of every stage. */
  public static List<BusyTable> ofAll(Resources resources, BatchShape batch) {
    return IntStream.range(0, resources.problem().stages().count())
        .mapToObj(stage -> of(resources, batch, stage))
        .toList();
  }

  /** What a stage does, bringing hidden states to it included. */
  public static BusyTable of(Resources resources, BatchShape batch, int stage) {
    var problem = resources.problem();
    var shape = problem.shape();
    var stages = problem.stages();
    var at = stages.list().get(stage);
    var device = problem.machine().device(at.device());
    var table = new BusyTable(resources);
    if (stage > 0) {
      addHandover(table, batch, stages.list().get(stage - 1).device(), at.device());
    }
    if (Speeds.measured(device)) {
      addByCurves(table, batch, at, device);
      return table;
    }
    double perLayer = 0;
    double once = 0;
    for (var weight : Weight.values()) {
      double elements = (double) shape.rows(weight) * shape.columns(weight);
      if (weight.perLayer()) {
        perLayer += elements * at.layers().size();
      } else if (stages.number(shape, weight, 0) == stage && isMultiplied(shape, weight)) {
        once += elements;
      }
    }
    double sequences = batch.sequences();
    double pairFlops = 4.0 * sequences * at.layers().size() * shape.queryWidth();
    double prefill = 2 * sequences * once / device.rate(Rate.PREFILL_COMPUTE);
    for (int sweep = 0; sweep < Sweeps.count(batch, Phase.PREFILL); sweep++) {
      double chunk = Sweeps.chunk(batch, sweep);
      double flops = 2 * sequences * chunk * perLayer + pairFlops * chunk * (chunk + 1) / 2;
      prefill += flops / ProductRate.of(device, chunk * sequences / batch.microBatches());
    }
    double decode =
        Sweeps.count(batch, Phase.DECODE) * (2 * sequences * (perLayer + once) + pairFlops);

    int compute = resources.compute(at.device());
    table.add(Phase.PREFILL, BusyTable.Kind.OTHER, compute, prefill);
    table.add(
        Phase.DECODE,
        BusyTable.Kind.OTHER,
        compute,
        decode / ProductRate.of(device, sequences / batch.microBatches()));
    return table;
  }

  private static boolean isMultiplied(ModelShape shape, Weight weight) {
    return weight == Weight.TOKENS ? shape.tiedHead() : weight != Weight.POSITIONS;
  }

  /** Hidden states go from one stage to the next once a token, in as many copies as passes. */
  private static void addHandover(BusyTable table, BatchShape batch, String from, String to) {
    double rowBytes = F32 * table.resources().problem().shape().hidden();
    var transfers = new Transfers(table, BusyTable.Kind.OTHER);
    for (var phase : Phase.values()) {
      transfers.move(
          phase,
          from,
          to,
          (double) Sweeps.tokens(batch, phase) * batch.sequences() * rowBytes,
          (double) Sweeps.count(batch, phase) * batch.microBatches());
    }
  }

  /**
   * How often numbers of matrices are multiplied for a sequence in a phase by a stage: those of
   * layers with every token, those of the head and the projections once a prompt and once a
   * generated token.
   */
  static double multiplied(
      ModelShape shape, BatchShape batch, Phase phase, Stages stages, int stage) {
    double perLayer = 0;
    double once = 0;
    for (var weight : Weight.values()) {
      double elements = (double) shape.rows(weight) * shape.columns(weight);
      if (weight.perLayer()) {
        perLayer += elements * stages.list().get(stage).layers().size();
      } else if (Stops.head(shape).contains(weight) && stage == stages.count() - 1) {
        once += elements;
      }
    }
    return Sweeps.tokens(batch, phase) * perLayer
        + (phase == Phase.PREFILL ? 1 : Sweeps.count(batch, phase)) * once;
  }

  /** All but the products: those depend on how the matrices are stored. */
  private static void addByCurves(
      BusyTable table, BatchShape batch, Stages.Stage stage, DeviceSpec device) {
    var resources = table.resources();
    var shape = resources.problem().shape();
    boolean head = stage.layers().to() == shape.layers();
    double passRows = (double) batch.sequences() / batch.microBatches();
    for (var phase : Phase.values()) {
      double seconds = overheads(shape, batch, phase, stage.layers().size(), head).seconds(device);
      for (int sweep = 0; sweep < Sweeps.count(batch, phase); sweep++) {
        double tokens = phase == Phase.DECODE ? 1 : Sweeps.chunk(batch, sweep);
        double pairs = tokens * (tokens + 1) / 2;
        double flops = 4.0 * batch.sequences() * stage.layers().size() * shape.queryWidth() * pairs;
        seconds += flops / passAttention(device, shape, tokens, tokens * passRows);
      }
      table.add(phase, BusyTable.Kind.OTHER, resources.compute(device.name()), seconds);
    }
  }

  /**
   * What passes of a phase do beside products and attention.
   *
   * @param passes through a layer or the head
   * @param bytes of activations and logits that norms, rotations, activations and sums go through
   */
  public record Overheads(double passes, double bytes) {
    double seconds(DeviceSpec device) {
      return Speeds.overheadSeconds(device, passes, bytes);
    }
  }

  /** See {@link Speeds#layerBytes} and {@link Speeds#headBytes}. */
  public static Overheads overheads(ModelShape shape, BatchShape batch, Phase phase) {
    return overheads(shape, batch, phase, shape.layers(), true);
  }

  /** The same of some layers, with the head or without. */
  private static Overheads overheads(
      ModelShape shape, BatchShape batch, Phase phase, int layers, boolean head) {
    double sweeps = Sweeps.count(batch, phase);
    double heads = !head ? 0 : phase == Phase.DECODE ? sweeps : 1;
    double rows = (double) Sweeps.tokens(batch, phase) * batch.sequences();
    return new Overheads(
        (sweeps * layers + heads) * batch.microBatches(),
        layers * Speeds.layerBytes(shape, rows)
            + Speeds.headBytes(shape, heads * batch.sequences()));
  }

  /**
   * FLOP/s of attention among a pass's own tokens, whose keys and values are F32.
   *
   * @param tokens of a sequence
   * @param rows of the pass
   */
  public static double passAttention(
      DeviceSpec device, ModelShape shape, double tokens, double rows) {
    return Speeds.attend(device, shape, ElementType.F32, tokens, (tokens + 1) / 2)
        .orElseGet(() -> ProductRate.of(device, rows));
  }
}
