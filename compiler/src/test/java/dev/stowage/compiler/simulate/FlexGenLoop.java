package dev.stowage.compiler.simulate;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Op;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A block by FlexGen's own loop (released code, {@code generation_loop_overlap_multi_batch}),
 * priced like every simulation:
 *
 * <pre>
 * for every token, for every layer j, for every batch k:
 *   load_weight(j + 1), all of it at k = 0
 *   load_cache(j, k + 1), where attention is on the gpu
 *   load_hidden, compute, store_hidden: one stream; attention on the cpu holds up the launching thread
 *   store_cache(j, k − 1)
 *   wait for all of it
 * </pre>
 *
 * Copies of one direction run in the order they are given. Numbers of 4 bits are unpacked before
 * every use, once a batch, by PyTorch operations that each pass over the gpu's memory: shift and
 * mask (2 bytes a number), two interleaving writes as FP16 (1 read, 4 written, half a sector at a
 * time), a division and an addition (4 each). New keys and values are packed on the gpu before they
 * are stored, by such operations, too: minimum and maximum (2 each), a subtraction, a
 * multiplication, a clamp and a rounding (4 each), a conversion to bytes (3), shift and or (2).
 * Those 15 and 25 bytes are counted from the operations, not published. Differs from the code in
 * that attention and MLP are one layer.
 */
public final class FlexGenLoop {
  /** How long a block takes. */
  public record Block(double prefillSeconds, double decodeSeconds, double tokensPerSecond) {}

  private static final double UNPACK_BYTES = 15;
  private static final double PACK_BYTES = 25;

  private final ExecutablePlan plan;
  private final String compute;
  private final Pricing pricing;
  private final int batches;
  private final List<List<Step>> stops = new ArrayList<>();
  private final List<Occupancy> lanes = new ArrayList<>();
  private final List<Work> stores = new ArrayList<>();
  private double now;
  private double last; // the end of all that was put on lanes

  private FlexGenLoop(ExecutablePlan plan) {
    this.plan = plan;
    compute = plan.buffer("vectors").device();
    pricing = new Pricing(plan, compute, Set.of());
    batches = plan.batch().microBatches();
    for (var section : plan.sections()) {
      for (int i = 0; i < section.repeats(); i++) {
        stops.add(section.steps());
      }
    }
  }

  public static Block simulate(ExecutablePlan plan) {
    return new FlexGenLoop(plan).run();
  }

  private Block run() {
    double prefillEnd = 0;
    var sweeps = Sweep.of(plan.batch());
    for (var sweep : sweeps) {
      for (int stop = 0; stop < stops.size(); stop++) {
        for (int batch = 0; batch < batches; batch++) {
          turn(sweep, stop, batch);
        }
      }
      if (sweep.prefill()) {
        prefillEnd = now;
      }
    }
    double tokens = (double) plan.batch().sequences() * plan.batch().generateTokens();
    return new Block(prefillEnd, now - prefillEnd, tokens / now);
  }

  private void turn(Sweep sweep, int stop, int batch) {
    if (batch == 0) {
      for (var step : stops.get((stop + 1) % stops.size())) {
        if (step instanceof Step.Load) {
          put(price(step, sweep, batch));
        }
      }
    }
    boolean lastBatch = batch + 1 == batches;
    if (!lastBatch || stop + 1 < stops.size()) {
      int next = lastBatch ? 0 : batch + 1;
      for (var step : stops.get(lastBatch ? stop + 1 : stop)) {
        if (step instanceof Step.Attend attend && streams(attend)) {
          put(part(price(step, sweep, next), false));
        }
      }
    }
    stores.forEach(this::put);
    stores.clear();
    for (var step : stops.get(stop)) {
      switch (step) {
        case Step.Load _ -> {}
        case Step.Append append -> {
          var region = plan.kvRegion(append.region());
          stores.add(price(step, sweep, batch));
          now += packSeconds(region, batch, sweep.writtenTo(region.tokens()), PACK_BYTES);
        }
        case Step.Attend attend -> {
          var work = price(step, sweep, batch);
          now = put(streams(attend) ? part(work, true) : work);
          var region = plan.kvRegion(attend.region());
          now += packSeconds(region, batch, sweep.heldIn(region.tokens()), UNPACK_BYTES);
        }
        case Step.Compute(Op.MatMul(var weight, var rows), _, _, _) -> {
          now = put(price(step, sweep, batch));
          now += unpackSeconds(weight, rows);
        }
        case Step.Compute _, Step.Copy _ -> now = put(price(step, sweep, batch));
      }
    }
    now = Math.max(now, last);
    lanes.forEach(lane -> lane.forget(now));
  }

  private double unpackSeconds(Weight weight, Range rows) {
    boolean packed =
        plan.weights().stream()
            .anyMatch(r -> r.weight() == weight && r.rows().contains(rows) && r.type().quantized());
    return packed
        ? passSeconds((double) rows.size() * plan.shape().columns(weight) * UNPACK_BYTES)
        : 0;
  }

  /** Packing or unpacking the keys and values of so many positions. */
  private double packSeconds(KvRegion region, int batch, int positions, double bytesPerNumber) {
    double numbers =
        2.0
            * plan.batch().slots(batch).size()
            * region.heads().size()
            * plan.shape().headDim()
            * positions;
    return plan.kvType().quantized() ? passSeconds(numbers * bytesPerNumber) : 0;
  }

  private double passSeconds(double bytes) {
    return bytes / plan.machine().device(compute).rate(Rate.MEMORY_BANDWIDTH);
  }

  /** Whether keys and values come to the gpu from elsewhere. */
  private boolean streams(Step.Attend attend) {
    var region = plan.kvRegion(attend.region());
    return region.attendAt().equals(compute) && !region.device().equals(compute);
  }

  /** Of streamed attention, what the gpu does, or what brings keys and values to it. */
  private Work part(Work whole, boolean onGpu) {
    var part = new Work();
    for (int i = 0; i < whole.count(); i++) {
      String lane = pricing.lanes().get(whole.lane(i));
      boolean there = lane.equals("compute(%s)".formatted(compute));
      if (there == onGpu) {
        part.add(whole.lane(i), whole.seconds(i));
      }
    }
    return part;
  }

  private Work price(Step step, Sweep sweep, int batch) {
    return pricing.price(step, sweep, plan.batch().slots(batch));
  }

  private double put(Work work) {
    double end = now;
    for (int i = 0; i < work.count(); i++) {
      while (work.lane(i) >= lanes.size()) {
        lanes.add(new Occupancy());
      }
      end = Math.max(end, lanes.get(work.lane(i)).add(now, work.seconds(i)));
    }
    last = Math.max(last, end);
    return end;
  }
}
