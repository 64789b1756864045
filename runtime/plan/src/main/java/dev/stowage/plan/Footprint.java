package dev.stowage.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The one byte model: what a plan sets aside besides weights and KV cache. The optimizer's capacity
 * rows, the lowering and the explanation all ask here, so that planned and allocated bytes cannot
 * drift apart.
 */
public final class Footprint {
  private static final long F32 = 4;
  private static final long ALIGNMENT = 64;

  /** A page: what disks are read in, past the page cache. */
  public static final int PAGE_BYTES = 4096;

  /** From so many bytes on, rows are read past the page cache; fewer are not worth a request. */
  public static final long DIRECT_BYTES = 256 << 10;

  /**
   * What the process that runs a plan holds at most beside the plan's buffers: Java, the code that
   * it loads and compiles, threads. Measured: 116 to 136 MiB, 40 to 60 of which come while the
   * first tokens are made. A GPU's driver is not in it.
   */
  private static final long PROCESS_BYTES = 136L << 20;

  /** What reading a tokenizer takes for each of its tokens; measured with 128,000. */
  private static final long TOKEN_BYTES = 1 << 10;

  /** What compiling leaves in the process, where the same one then runs the plan. */
  public static final long COMPILING_BYTES = 72L << 20;

  private Footprint() {}

  /**
   * What the {@code stowage} process that runs a compiled plan for such a model holds at most
   * beside what the plan sets aside.
   */
  public static long process(ModelShape shape) {
    return PROCESS_BYTES + shape.vocabulary() * TOKEN_BYTES;
  }

  /** Bytes rounded up to the 64 that kernels like. */
  public static long align(long bytes) {
    return Math.addExact(bytes, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * The activation buffers of one stage, named as {@link Stages#own} does. The embedding's are the
   * first stage's, the head's the last's.
   *
   * <pre>
   * hidden     [rows, hidden], one for every micro-batch      normed   [rows, hidden]
   * embedded   [rows, embedding], where OPT projects          q        [rows, heads · headDim]
   * k, v       [rows, kvHeads · headDim]                      attended a partial result
   * partial.i  a partial result for every region of a layer   delta    [rows, hidden]
   * gate, up   [rows, ffn] (gate not in OPT)                  last     [sequences, hidden] the rows that get logits
   * unprojected [sequences, embedding], where OPT projects    logits   [sequences, vocabulary]
   * rotations  cosines and sines [tokens, headDim / 2], where positions are rotary
   * </pre>
   *
   * A partial result is {@code o [rows, heads · headDim]}, its softmax state {@code [rows, heads,
   * 2]}, each aligned. What attention reads and writes (q, k, v, attended and the partial results)
   * is there once for every pass in flight.
   *
   * @param regionsPerLayer most KV regions that one layer has
   * @param inFlight see {@link #inFlight}
   */
  public static List<Buffer> activations(
      ModelShape shape,
      BatchShape batch,
      Stages stages,
      String device,
      int regionsPerLayer,
      int inFlight) {
    var buffers = new ArrayList<Buffer>();
    activations(
        shape,
        batch,
        stages,
        device,
        regionsPerLayer,
        inFlight,
        (name, bytes, instances) ->
            buffers.add(
                new Buffer(
                    stages.own(name, device),
                    device,
                    Buffer.Purpose.ACTIVATIONS,
                    bytes,
                    instances)));
    return List.copyOf(buffers);
  }

  /** What is told of every buffer of activations. */
  private interface Activation {
    void is(String name, long bytes, int instances);
  }

  private static void activations(
      ModelShape shape,
      BatchShape batch,
      Stages stages,
      String device,
      int regionsPerLayer,
      int inFlight,
      Activation each) {
    long rows = batch.rowsPerPass();
    long sequences = batch.sequencesPerMicroBatch();
    each.is("hidden", hiddenBytes(shape, batch), batch.microBatches());
    each.is("normed", floats(rows, shape.hidden()), 1);
    if (device.equals(stages.first()) && shape.projects()) {
      each.is("embedded", floats(rows, shape.embedding()), 1);
    }
    each.is("q", floats(rows, shape.queryWidth()), inFlight);
    each.is("k", floats(rows, shape.kvWidth()), inFlight);
    each.is("v", floats(rows, shape.kvWidth()), inFlight);
    each.is("attended", partialBytes(shape, rows), inFlight);
    for (int i = 0; i < regionsPerLayer; i++) {
      each.is("partial." + i, partialBytes(shape, rows), inFlight);
    }
    each.is("delta", floats(rows, shape.hidden()), 1);
    if (!shape.family().isOpt()) {
      each.is("gate", floats(rows, shape.ffn()), 1);
    }
    each.is("up", floats(rows, shape.ffn()), 1);
    if (device.equals(stages.last())) {
      each.is("last", floats(sequences, shape.hidden()), 1);
      if (shape.projects()) {
        each.is("unprojected", floats(sequences, shape.embedding()), 1);
      }
      each.is("logits", floats(sequences, shape.vocabulary()), 1);
    }
    if (!shape.family().isOpt()) {
      each.is("rotations", 2 * floats(batch.tokens(), shape.headDim() / 2), 1);
    }
  }

  /** Bytes of the hidden states of one micro-batch. */
  public static long hiddenBytes(ModelShape shape, BatchShape batch) {
    return floats(batch.rowsPerPass(), shape.hidden());
  }

  /**
   * Passes of one stop that are under way together: 2 where attention leaves a device that
   * computes, so that the next micro-batch computes while one waits for its attention; else 1.
   */
  public static int inFlight(Machine machine, Stages stages, BatchShape batch, List<KvRegion> kv) {
    boolean leaves =
        kv.stream()
            .anyMatch(
                region -> {
                  var compute = stages.at(region.layers().from());
                  return switch (machine.device(compute).kind()) {
                    case GPU ->
                        !region.device().equals(compute) || !region.attendAt().equals(compute);
                    case HOST, DISK, CSD ->
                        machine.device(region.attendAt()).kind() == DeviceKind.CSD;
                  };
                });
    return leaves && batch.microBatches() > 1 ? 2 : 1;
  }

  /** Bytes of all activation buffers of a stage together. */
  public static long activationBytes(
      ModelShape shape,
      BatchShape batch,
      Stages stages,
      String device,
      int regionsPerLayer,
      int inFlight) {
    var sum = new AtomicLong();
    activations(
        shape,
        batch,
        stages,
        device,
        regionsPerLayer,
        inFlight,
        (name, bytes, instances) -> sum.addAndGet(Math.multiplyExact(bytes, (long) instances)));
    return sum.get();
  }

  /**
   * Which partial results of a layer come from a device: numbers of regions among those of their
   * layer, of some layers together.
   */
  public static SortedSet<Integer> partials(Range layers, List<KvRegion> kv, String device) {
    var partials = new TreeSet<Integer>();
    for (int layer = layers.from(); layer < layers.to(); layer++) {
      int number = 0;
      for (var region : kv) {
        if (region.layers().contains(layer)) {
          if (region.attendAt().equals(device)) {
            partials.add(number);
          }
          number++;
        }
      }
    }
    return partials;
  }

  /** Most KV regions that one of some layers has. */
  public static int regionsPerLayer(Range layers, List<KvRegion> kv) {
    int most = 0;
    for (int layer = layers.from(); layer < layers.to(); layer++) {
      int regions = 0;
      for (var region : kv) {
        regions += region.layers().contains(layer) ? 1 : 0;
      }
      most = Math.max(most, regions);
    }
    return most;
  }

  /** Bytes of a partial result of so many rows: see {@link #activations}. */
  public static long partialBytes(ModelShape shape, long rows) {
    return floats(rows, shape.queryWidth()) + floats(rows, 2L * shape.heads());
  }

  /**
   * Host memory that a KV region's store uses while it appends and attends. A disk reads keys and
   * values of one slot and layer, all tokens and heads of the region, to where the host's kernels
   * attend over them; the others need none. Where those fill many pages, there is room for two of
   * them, for two writes, and for a page that is not full of every layer and slot.
   */
  public static long stagingBytes(
      ModelShape shape, ElementType kvType, DeviceKind kind, KvRegion region) {
    return switch (kind) {
      case DISK ->
          diskStagingBytes(2L * region.heads().size() * kvType.rowBytes(shape.headDim()), region);
      case HOST, GPU, CSD -> 0;
    };
  }

  /**
   * As {@link #stagingBytes}, for a disk.
   *
   * @param tokenBytes of one token of one layer, all heads of the region
   */
  public static long diskStagingBytes(long tokenBytes, KvRegion region) {
    long bytes = tokenBytes * region.tokens().size();
    return align(bytes) < DIRECT_BYTES
        ? align(bytes)
        : 2 * wholePages(bytes)
            + 2 * kvWriteBytes(tokenBytes)
            + (long) region.layers().size() * region.sequences().size() * PAGE_BYTES;
  }

  /** Bytes that a KV region takes on its device: its box, or its share of pages. */
  public static long kvBytes(
      Machine machine, ModelShape shape, ElementType kvType, BatchShape batch, KvRegion region) {
    return KvPages.of(machine, shape, kvType, batch, region)
        .map(KvPages::capacityBytes)
        .orElseGet(() -> region.bytes(shape.headDim(), kvType));
  }

  /** Keys and values of one slot and layer, all tokens and heads of a region. */
  public static long sequenceBytes(ModelShape shape, ElementType kvType, KvRegion region) {
    return align(
        2L * region.tokens().size() * region.heads().size() * kvType.rowBytes(shape.headDim()));
  }

  /**
   * Room in which keys and values are gathered for one write.
   *
   * @param tokenBytes of one token of one layer
   */
  public static long kvWriteBytes(long tokenBytes) {
    return Math.max(DIRECT_BYTES, wholePages(tokenBytes) + PAGE_BYTES);
  }

  /** Bytes that the rows of a region take on their device: every layer's slab aligned. */
  public static long residentBytes(ModelShape shape, WeightRegion region) {
    long slab =
        align(
            Math.multiplyExact(
                (long) region.rows().size(), shape.rowBytes(region.weight(), region.type())));
    return Math.multiplyExact(slab, (long) region.layers().size());
  }

  /**
   * Room that a ring's slot has for the loads of any stop: those rows of its matrices that do not
   * lie where the compute is. Whole pages if some loads are, so that every slot begins where a page
   * does.
   */
  public static long ringSlotBytes(ModelShape shape, List<List<Step.Load>> loadsOfStops) {
    boolean inPages = false;
    long most = 0;
    for (var loads : loadsOfStops) {
      long sum = 0;
      for (var load : loads) {
        inPages |= loadsPages(shape, load);
        long bytes = bytes(shape, load);
        sum += loadsPages(shape, load) ? spanBytes(bytes) : align(bytes);
      }
      most = Math.max(most, sum);
    }
    return inPages ? wholePages(most) : most;
  }

  /** Whether a load brings whole pages, since it has enough bytes. */
  public static boolean loadsPages(ModelShape shape, Step.Load load) {
    return bytes(shape, load) >= DIRECT_BYTES;
  }

  private static long bytes(ModelShape shape, Step.Load load) {
    return load.rows().size() * shape.rowBytes(load.weight(), load.type());
  }

  /** Bytes of the whole pages that so many bytes lie in, wherever they begin. */
  public static long spanBytes(long bytes) {
    return Math.addExact(bytes, 2 * (PAGE_BYTES - 1)) / PAGE_BYTES * PAGE_BYTES;
  }

  /** Bytes rounded up to whole pages. */
  public static long wholePages(long bytes) {
    return Math.addExact(bytes, PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  }

  private static long floats(long rows, long columns) {
    return align(Math.multiplyExact(Math.multiplyExact(rows, columns), F32));
  }
}
