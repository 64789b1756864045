package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;

/**
 * Bringing rows that do not lie where they are multiplied with there, and reading them for
 * products.
 *
 * <pre>
 * loads     sweeps · u · bytes(region), in sweeps · u · layers(region) transfers
 * look-ups  tokens of the phase · B · bytes(row) · rows(region) / rows, in as many transfers as rows
 * products  bandwidth sweeps · m · bytes(region) / MEMORY_BANDWIDTH
 *           compute   sweeps · m · 2 · numbers(region) / DECODE_COMPUTE, where the rows are quantized
 *           compute   by curves, where measured: Σ_passes 2 · rows · numbers(region) / MATMUL(rows), see {@link Speeds}
 * </pre>
 *
 * {@code u} is 1 in zig-zag order, which keeps a layer's weights for all micro-batches, and {@code
 * m} row by row and in a pipeline. Token and position rows are looked up; token rows are loaded and
 * multiplied too where the head is tied to them. Every product unpacks the groups it reads: a
 * multiplication and an addition a number ({@code min + scale · code}), at the rate of products of
 * few rows.
 */
public final class WeightWork {
  /** FLOPs that unpacking one number of a quantized row takes. */
  public static final double UNPACK_FLOPS = 2;

  private WeightWork() {}

  public static BusyTable of(Resources resources, BatchShape batch, WeightRegion region) {
    var table = new BusyTable(resources);
    add(table, batch, region);
    return table;
  }

  /** Adds the work of a region. */
  public static void add(BusyTable table, BatchShape batch, WeightRegion region) {
    var problem = table.resources().problem();
    var shape = problem.shape();
    boolean lookedUp = region.weight() == Weight.TOKENS || region.weight() == Weight.POSITIONS;
    boolean multiplied = !lookedUp || Stops.head(shape).contains(region.weight());
    String compute = problem.stages().at(shape, region.weight(), region.layers().from());
    String embeds = problem.stages().first();
    for (var phase : Phase.values()) {
      if (multiplied) {
        multiply(table, batch, region, compute, phase);
      }
      if (multiplied && !region.home().equals(compute)) {
        int turns = problem.order() instanceof Schedule.Order.ZigZag ? 1 : batch.microBatches();
        double loads = (double) Sweeps.count(batch, phase) * turns;
        boolean pageable =
            problem.pageable().contains(Buffer.Purpose.WEIGHTS)
                && problem.machine().device(region.home()).kind() == DeviceKind.HOST;
        boolean cached = Speeds.cached(region.bytes(shape) / region.layers().size());
        new Transfers(table, BusyTable.Kind.LOADING, pageable, cached)
            .move(
                phase,
                region.home(),
                compute,
                loads * region.bytes(shape),
                loads * region.layers().size());
      }
      if (lookedUp && !region.home().equals(embeds)) {
        double rows =
            (double) Sweeps.tokens(batch, phase)
                * batch.sequences()
                * region.rows().size()
                / shape.rows(region.weight());
        new Transfers(table, BusyTable.Kind.OTHER)
            .move(
                phase,
                region.home(),
                embeds,
                rows * shape.rowBytes(region.weight(), region.type()),
                rows);
      }
    }
  }

  private static void multiply(
      BusyTable table, BatchShape batch, WeightRegion region, String compute, Phase phase) {
    var problem = table.resources().problem();
    var device = table.resources().device(compute);
    if (Speeds.measured(device.spec())) {
      table.add(
          phase,
          BusyTable.Kind.OTHER,
          device.compute(),
          products(table.resources(), batch, region, compute, phase));
      return;
    }
    double times = (double) Sweeps.count(batch, phase) * batch.microBatches();
    table.add(
        phase,
        BusyTable.Kind.OTHER,
        device.bandwidth(),
        times * region.bytes(problem.shape()) / device.spec().rate(Rate.MEMORY_BANDWIDTH));
    if (region.type().quantized()) {
      double numbers =
          (double) region.layers().size()
              * region.rows().size()
              * problem.shape().columns(region.weight());
      table.add(
          phase,
          BusyTable.Kind.OTHER,
          device.compute(),
          times * UNPACK_FLOPS * numbers / device.spec().rate(Rate.DECODE_COMPUTE));
    }
  }

  /** Seconds of a region's products by the curve of its type, unpacking included. */
  private static double products(
      Resources resources, BatchShape batch, WeightRegion region, String compute, Phase phase) {
    var problem = resources.problem();
    var spec = resources.device(compute).spec();
    double numbers =
        (double) region.layers().size()
            * region.rows().size()
            * problem.shape().columns(region.weight());
    double sequences = (double) batch.sequences() / batch.microBatches();
    boolean everyToken = region.weight().perLayer() || region.weight() == Weight.PROJECT_IN;
    double seconds = 0;
    for (int sweep = 0; sweep < Sweeps.count(batch, phase); sweep++) {
      boolean picks = phase == Phase.DECODE || sweep == Sweeps.count(batch, phase) - 1;
      if (everyToken || picks) {
        double rows =
            phase == Phase.PREFILL && everyToken
                ? sequences * Sweeps.chunk(batch, sweep)
                : sequences;
        seconds +=
            batch.microBatches()
                * Speeds.productSeconds(
                    spec,
                    region.type(),
                    rows,
                    problem.shape().columns(region.weight()),
                    numbers,
                    region.layers().size(),
                    resources.sweepBytes());
        if (phase == Phase.DECODE) {
          return seconds * Sweeps.count(batch, phase);
        }
      }
    }
    return seconds;
  }
}
