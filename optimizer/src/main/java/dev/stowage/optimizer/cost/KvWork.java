package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Rate;

/**
 * Writing keys and values to a region, and attention over what it holds of earlier passes. Let
 * {@code held(x)} be the region's tokens among the first {@code x} of a sequence, and {@code k} the
 * bytes of a token in the region's heads and layers, for all its sequences.
 *
 * <pre>
 * write    prefill k · held(s)                        decode k · (held(s+n−1) − held(s))
 * read     prefill k · Σ_chunks held(start)           decode k · Σ_{x = s … s+n−2} held(x)
 * attend   gpu, host: prefill 4 · headDim · query heads · layers · sequences · Σ c · held(start) / PREFILL_COMPUTE
 *                     decode  read / ATTENTION
 *                     both by curves, where measured: the same FLOPs / ATTEND_PROMPT or ATTEND(tokens a row reads)
 *          csd: internal read · flash(sparsity) / INTERNAL_READ, compute (read, once a query row) · engine(sparsity) / ATTENTION
 * exchange queries to attendAt and partial results back, where it is not the compute device:
 *          4 · queryWidth, and 4 · (queryWidth + heads), bytes a row, layer and region's share of heads
 * </pre>
 *
 * Attention's rate counts bytes of single numbers. Quantized keys and values count like F16: what
 * is saved in bytes is spent on unpacking. Attention that reads a part of a region takes the part
 * of the time that {@link SparseRead} says; its share of the bytes of every memory passed likewise.
 *
 * <p>A host that computes waits for what it writes to a disk and reads from it: that is in line
 * with its products. Other attention goes on beside them.
 *
 * <p>What is read moves from the region's device to where attention is computed; see {@link
 * Transfers}. A disk moves one slot of one layer at a time; a CSD takes one command a layer and
 * micro-batch.
 */
public final class KvWork {
  private static final double F32 = 4;

  private KvWork() {}

  public static BusyTable of(Resources resources, BatchShape batch, KvRegion region) {
    return of(resources, batch, region, 1);
  }

  /**
   * As {@link #of(Resources, BatchShape, KvRegion)}.
   *
   * @param overheads how often commands, queries and partial results count: once for a region; in
   *     part for a region that is merged with others of its route
   */
  public static BusyTable of(
      Resources resources, BatchShape batch, KvRegion region, double overheads) {
    var table = new BusyTable(resources);
    for (var phase : Phase.values()) {
      add(table, batch, region, overheads, phase);
    }
    return table;
  }

  private static void add(
      BusyTable table, BatchShape batch, KvRegion region, double overheads, Phase phase) {
    var problem = table.resources().problem();
    var shape = problem.shape();
    String compute = problem.stages().at(region.layers().from());
    boolean resident = region.device().equals(compute) && region.attendAt().equals(compute);
    boolean inLine =
        problem.machine().device(compute).kind() == DeviceKind.HOST
            && problem.machine().device(region.device()).kind() == DeviceKind.DISK;
    var kind =
        resident
            ? BusyTable.Kind.RESIDENT
            : inLine ? BusyTable.Kind.IN_LINE : BusyTable.Kind.ATTENDING;
    var transfers = new Transfers(table, kind);
    double boxes = (double) region.layers().size() * region.sequences().size();
    double tokenBytes =
        2.0 * boxes * region.heads().size() * problem.kvType().rowBytes(shape.headDim());
    double commands = overheads * region.layers().size() * batch.microBatches();
    double slots = overheads * boxes;

    double written = tokenBytes * written(batch, region, phase);
    if (written > 0) {
      new Transfers(table, inLine ? BusyTable.Kind.IN_LINE : BusyTable.Kind.OTHER)
          .move(phase, compute, region.device(), written, writes(batch, region, phase) * commands);
    }

    var held = Held.of(batch, region, phase);
    if (held.reads() == 0) {
      return;
    }
    double read = tokenBytes * held.reads();
    if (!region.device().equals(region.attendAt())) {
      boolean pageable =
          problem.pageable().contains(Buffer.Purpose.KV)
              && problem.machine().device(region.device()).kind() == DeviceKind.HOST;
      new Transfers(table, kind, pageable)
          .move(phase, region.device(), region.attendAt(), read, held.passes() * slots);
    }
    double share = region.heads().size() / (double) shape.kvHeads();
    attend(
        table,
        region,
        phase,
        kind,
        read,
        read * held.pairs() / held.reads() * counted(problem),
        4.0 * shape.queryWidth() * share * boxes * held.pairs(),
        held.rows() / held.passes(),
        held.pairs() / held.rows());
    if (!region.attendAt().equals(compute)) {
      double rows = overheads * held.rows() * boxes * share;
      transfers.move(
          phase,
          compute,
          region.attendAt(),
          rows * F32 * shape.queryWidth(),
          held.passes() * commands);
      transfers.move(
          phase,
          region.attendAt(),
          compute,
          rows * F32 * (shape.queryWidth() + 2.0 * shape.heads()),
          held.passes() * commands);
    }
  }

  private static void attend(
      BusyTable table,
      KvRegion region,
      Phase phase,
      BusyTable.Kind kind,
      double read,
      double readByRows,
      double flops,
      double rows,
      double tokens) {
    var problem = table.resources().problem();
    var device = table.resources().device(region.attendAt());
    var spec = device.spec();
    // Prompts are attended to whole: a part is read where one token is made.
    var part =
        phase == Phase.DECODE
            ? SparseRead.of(problem.shape(), problem.kvType(), spec.kind(), region)
            : new SparseRead(1, 1);
    switch (spec.kind()) {
      case GPU, HOST -> {
        double bytes = read * part.bytes();
        table.add(
            phase,
            kind,
            device.compute(),
            Speeds.attend(spec, problem.kvType(), rows, tokens)
                .map(rate -> flops * part.bytes() / rate)
                .orElseGet(
                    () ->
                        switch (phase) {
                          case PREFILL -> flops / spec.rate(Rate.PREFILL_COMPUTE);
                          case DECODE -> bytes * counted(problem) / spec.rate(Rate.ATTENTION);
                        }));
        table.add(phase, kind, device.bandwidth(), bytes / spec.rate(Rate.MEMORY_BANDWIDTH));
      }
      case CSD -> {
        table.add(
            phase, kind, device.internal(), read * part.bytes() / spec.rate(Rate.INTERNAL_READ));
        table.add(
            phase, kind, device.compute(), readByRows * part.engine() / spec.rate(Rate.ATTENTION));
      }
      case DISK -> throw new IllegalArgumentException(spec.name() + " cannot attend");
    }
  }

  /**
   * Bytes that attention's rate counts for a stored byte.
   *
   * @param numbers of a row: a head's width
   */
  public static double counted(ElementType kvType, int numbers) {
    return kvType.quantized()
        ? (double) ElementType.F16.rowBytes(numbers) / kvType.rowBytes(numbers)
        : 1;
  }

  private static double counted(Problem problem) {
    return counted(problem.kvType(), problem.shape().headDim());
  }

  private static double written(BatchShape batch, KvRegion region, Phase phase) {
    return switch (phase) {
      case PREFILL -> held(region, batch.promptTokens());
      case DECODE -> held(region, batch.tokens()) - held(region, batch.promptTokens());
    };
  }

  /** Sweeps that bring tokens of the region. */
  private static int writes(BatchShape batch, KvRegion region, Phase phase) {
    if (phase == Phase.DECODE) {
      return (int) written(batch, region, phase); // a token a sweep
    }
    int writes = 0;
    for (int sweep = 0; sweep < Sweeps.count(batch, phase); sweep++) {
      int from = sweep * Sweeps.chunk(batch);
      int to = Math.min(from + Sweeps.chunk(batch), batch.promptTokens());
      writes += held(region, to) > held(region, from) ? 1 : 0;
    }
    return writes;
  }

  private static double held(KvRegion region, int tokens) {
    return Math.clamp(tokens - region.tokens().from(), 0, region.tokens().size());
  }

  /**
   * Sums over a phase, for one sequence and layer.
   *
   * @param passes that find something held
   * @param rows query rows of those passes
   * @param reads tokens read, once a pass
   * @param pairs tokens read, once a query row
   */
  private record Held(double passes, double rows, double reads, double pairs) {
    static Held of(BatchShape batch, KvRegion region, Phase phase) {
      return switch (phase) {
        case PREFILL -> prefill(batch, region);
        case DECODE -> decode(batch, region);
      };
    }

    private static Held prefill(BatchShape batch, KvRegion region) {
      double passes = 0;
      double rows = 0;
      double reads = 0;
      double pairs = 0;
      for (int sweep = 1; sweep < Sweeps.count(batch, Phase.PREFILL); sweep++) {
        double held = held(region, sweep * Sweeps.chunk(batch));
        if (held > 0) {
          int chunk = Sweeps.chunk(batch, sweep);
          passes++;
          rows += chunk;
          reads += held;
          pairs += chunk * held;
        }
      }
      return new Held(passes, rows, reads, pairs);
    }

    private static Held decode(BatchShape batch, KvRegion region) {
      int steps = Sweeps.count(batch, Phase.DECODE);
      double reads =
          Sweeps.sumOfClipped(
              batch.promptTokens(), steps, region.tokens().from(), region.tokens().to());
      int before = Math.clamp(region.tokens().from() - batch.promptTokens() + 1L, 0, steps);
      double passes = steps - before;
      return new Held(passes, passes, reads, reads);
    }
  }
}
