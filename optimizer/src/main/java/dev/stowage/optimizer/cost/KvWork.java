package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;

/**
 * Writing keys and values to a region, and attention over what it holds of earlier passes. Let
 * {@code held(x)} be the region's tokens among the first {@code x} of a sequence, and {@code k} the
 * bytes of a token in the region's heads and layers, for all its sequences.
 *
 * <pre>
 * write    prefill k · held(s)                        decode k · (held(s+n−1) − held(s))
 *          csd: and PROGRAM_TIME for each command that fills pages of flash
 * read     prefill k · Σ_chunks held(start)           decode k · Σ_{x = s … s+n−2} held(x)
 * attend   gpu, host: prefill 4 · headDim · query heads · layers · sequences · Σ c · held(start) / PREFILL_COMPUTE
 *                     decode  read / ATTENTION
 *                     both by curves, where measured: the same FLOPs / ATTEND_PROMPT or ATTEND(tokens a row reads)
 *          csd: internal what of read is on flash · flash(sparsity) / INTERNAL_READ, and READ_TIME for each command,
 *               compute (read, once a query row and query head) · engine(sparsity) / ATTENTION
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
 * micro-batch, and answers it with the partial results. Tokens that do not fill a page of its flash
 * yet wait in its DRAM: see {@link FlashPages}.
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
    boolean cached = Speeds.cached(Footprint.sequenceBytes(shape, problem.kvType(), region));
    double boxes = (double) region.layers().size() * region.sequences().size();
    double tokenBytes =
        2.0 * boxes * region.heads().size() * problem.kvType().rowBytes(shape.headDim());
    double commands = overheads * region.layers().size() * batch.microBatches();
    double slots = overheads * boxes;

    double written = tokenBytes * written(batch, region, phase);
    if (written > 0) {
      var disk = problem.machine().device(region.device());
      boolean bySlot = cached && disk.curve(Measure.WRITE_CACHED).isPresent();
      new Transfers(table, inLine ? BusyTable.Kind.IN_LINE : BusyTable.Kind.OTHER, false, cached)
          .move(
              phase,
              compute,
              region.device(),
              written,
              writes(batch, region, phase) * (bySlot ? slots : commands));
      var drive = table.resources().device(region.device());
      if (drive.spec().kind() == DeviceKind.CSD) {
        double programs = programs(batch, region, phase, FlashPages.tokens(problem)) * commands;
        table.add(
            phase,
            BusyTable.Kind.OTHER,
            drive.write(),
            programs * Speeds.seconds(drive.spec(), Rate.PROGRAM_TIME));
      }
    }

    var held = Held.of(batch, region, phase, FlashPages.tokens(problem));
    if (held.reads() == 0) {
      return;
    }
    double read = tokenBytes * held.reads();
    if (!region.device().equals(region.attendAt())) {
      boolean pageable =
          problem.pageable().contains(Buffer.Purpose.KV)
              && problem.machine().device(region.device()).kind() == DeviceKind.HOST;
      new Transfers(table, kind, pageable, cached)
          .move(phase, region.device(), region.attendAt(), read, held.passes() * slots);
    }
    double share = region.heads().size() / (double) shape.kvHeads();
    attend(
        table,
        region,
        phase,
        kind,
        read,
        new Flash(tokenBytes * held.onFlash(), held.flashPasses() * commands),
        read * held.pairs() / held.reads() * counted(problem) * Speeds.group(shape),
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
      transfers.answer(
          phase,
          region.attendAt(),
          compute,
          rows * F32 * (shape.queryWidth() + 2.0 * shape.heads()),
          held.passes() * commands);
    }
  }

  /**
   * What a drive reads of its flash.
   *
   * @param commands that read any
   */
  private record Flash(double bytes, double commands) {}

  private static void attend(
      BusyTable table,
      KvRegion region,
      Phase phase,
      BusyTable.Kind kind,
      double read,
      Flash flash,
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
            Speeds.attend(spec, problem.shape(), problem.kvType(), rows, tokens)
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
            phase,
            kind,
            device.internal(),
            flash.bytes() * part.bytes() / spec.rate(Rate.INTERNAL_READ)
                + flash.commands() * Speeds.seconds(spec, Rate.READ_TIME));
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

  /** Sweeps that fill pages of a drive's flash, of so many tokens. */
  private static int programs(BatchShape batch, KvRegion region, Phase phase, int page) {
    if (phase == Phase.DECODE) {
      return held(region, batch.tokens()) / page - held(region, batch.promptTokens()) / page;
    }
    int programs = 0;
    for (int sweep = 0; sweep < Sweeps.count(batch, phase); sweep++) {
      int from = sweep * Sweeps.chunk(batch);
      int to = Math.min(from + Sweeps.chunk(batch), batch.promptTokens());
      programs += held(region, to) / page > held(region, from) / page ? 1 : 0;
    }
    return programs;
  }

  private static int held(KvRegion region, int tokens) {
    return Math.clamp(tokens - region.tokens().from(), 0, region.tokens().size());
  }

  /**
   * Sums over a phase, for one sequence and layer.
   *
   * @param passes that find something held
   * @param rows query rows of those passes
   * @param reads tokens read, once a pass
   * @param pairs tokens read, once a query row
   * @param flashPasses passes that find something in whole pages of flash
   * @param onFlash tokens of those pages, once a pass
   */
  private record Held(
      double passes, double rows, double reads, double pairs, double flashPasses, double onFlash) {
    static Held of(BatchShape batch, KvRegion region, Phase phase, int page) {
      return switch (phase) {
        case PREFILL -> prefill(batch, region, page);
        case DECODE -> decode(batch, region, page);
      };
    }

    private static Held prefill(BatchShape batch, KvRegion region, int page) {
      double passes = 0;
      double rows = 0;
      double reads = 0;
      double pairs = 0;
      double flashPasses = 0;
      double onFlash = 0;
      for (int sweep = 1; sweep < Sweeps.count(batch, Phase.PREFILL); sweep++) {
        int held = held(region, sweep * Sweeps.chunk(batch));
        if (held > 0) {
          int chunk = Sweeps.chunk(batch, sweep);
          passes++;
          rows += chunk;
          reads += held;
          pairs += (double) chunk * held;
          flashPasses += held >= page ? 1 : 0;
          onFlash += FlashPages.whole(held, page);
        }
      }
      return new Held(passes, rows, reads, pairs, flashPasses, onFlash);
    }

    private static Held decode(BatchShape batch, KvRegion region, int page) {
      int steps = Sweeps.count(batch, Phase.DECODE);
      int prompt = batch.promptTokens();
      var tokens = region.tokens();
      double reads = Sweeps.sumOfClipped(prompt, steps, tokens.from(), tokens.to());
      double passes = steps - before(1, region, prompt, steps);
      double flashPasses = tokens.size() < page ? 0 : steps - before(page, region, prompt, steps);
      return new Held(
          passes,
          passes,
          reads,
          reads,
          flashPasses,
          FlashPages.sumOfWhole(prompt - tokens.from(), steps, tokens.size(), page));
    }

    /** Steps that find fewer tokens than so many. */
    private static int before(int tokens, KvRegion region, int prompt, int steps) {
      return Math.clamp((long) region.tokens().from() - prompt + tokens, 0, steps);
    }
  }
}
