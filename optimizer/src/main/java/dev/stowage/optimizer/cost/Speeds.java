package dev.stowage.optimizer.cost;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.Weight;
import java.util.Optional;

/**
 * How fast a device works at sizes at which it was measured: see {@link RateCurve}. Where it was
 * not, {@link ComputeWork}, {@link WeightWork}, {@link KvWork} and {@link Transfers} say what
 * single rates stand for.
 */
public final class Speeds {
  private static final double F32 = 4;

  /** Matrices of so many bytes, all that a sweep reads, lie in caches. */
  public static final long CACHED_BYTES = 4L << 20;

  /** Matrices of so many bytes are measured for those that come from memory. */
  public static final long MEMORY_BYTES = 64L << 20;

  /** Columns of the small matrices that are measured, and of the others. */
  public static final int SMALL_COLUMNS = 256;

  public static final int COLUMNS = 1024;

  /** Query heads that share a key and value head where that is measured. */
  public static final int GROUP = 8;

  /** Numbers of a token's key, in all heads, where attention is measured. */
  public static final int KV_WIDTH = 512;

  /**
   * Matrices of so many bytes come from memory where nothing else was measured: caches that cores
   * share hold 32 MiB or so, and what is read in turn over and over is gone from one that does not
   * hold all of it.
   */
  private static final long BEYOND_CACHE_BYTES = 32L << 20;

  private Speeds() {}

  /** Whether products are priced by curves, type by type. */
  public static boolean measured(DeviceSpec device) {
    return device.curves().stream().anyMatch(curve -> curve.measure() == Measure.MATMUL);
  }

  /**
   * FLOP/s of a product on a device with curves. A type without one of its own counts like the one
   * that stores numbers most like it. Of matrices that lie partly in caches, rates are interpolated
   * by the logarithm; how far, {@link Measure#SWEEP} says. Narrow matrices take longer for the same
   * work: between {@link #SMALL_COLUMNS} and {@link #COLUMNS}, likewise.
   *
   * @param rows of activations
   * @param columns of the matrix
   * @param bytes of all matrices that a sweep reads
   */
  public static double matmul(
      DeviceSpec device, ElementType type, double rows, double columns, double bytes) {
    double rate = nearest(device, Measure.MATMUL, type).orElseThrow().at(rows);
    var cached = nearest(device, Measure.MATMUL_CACHED, type);
    if (cached.isPresent()) {
      double part = fromMemory(device, bytes);
      rate = Math.pow(cached.get().at(rows), 1 - part) * Math.pow(rate, part);
    }
    return rate * narrow(device, type, rows, columns);
  }

  /** The part of a rate, of its logarithm, that is that of matrices which come from memory. */
  private static double fromMemory(DeviceSpec device, double bytes) {
    var sweep = only(device, Measure.SWEEP);
    double part;
    if (sweep.isPresent()) {
      double cached = sweep.get().at(CACHED_BYTES);
      double memory = sweep.get().at(MEMORY_BYTES);
      part =
          cached > memory
              ? Math.log(cached / sweep.get().at(bytes)) / Math.log(cached / memory)
              : 1;
    } else {
      part =
          Math.log(Math.max(1, bytes / CACHED_BYTES))
              / Math.log((double) BEYOND_CACHE_BYTES / CACHED_BYTES);
    }
    return Math.clamp(part, 0, 1);
  }

  /** What a rate is times that of a matrix of many columns. */
  private static double narrow(DeviceSpec device, ElementType type, double rows, double columns) {
    var small = nearest(device, Measure.MATMUL_SMALL, type);
    if (small.isEmpty() || columns >= COLUMNS) {
      return 1;
    }
    var wide = device.curve(Measure.MATMUL_CACHED, small.get().type().orElseThrow());
    if (wide.isEmpty()) {
      return 1;
    }
    double part =
        Math.log(COLUMNS / Math.max(columns, SMALL_COLUMNS))
            / Math.log((double) COLUMNS / SMALL_COLUMNS);
    return Math.pow(Math.min(1, small.get().at(rows) / wide.get().at(rows)), part);
  }

  /**
   * Seconds of products on a device with curves: their FLOPs at {@link #matmul}'s rate, and {@link
   * Rate#PRODUCT_LATENCY} for each, where the device has one.
   *
   * @param rows of activations
   * @param columns of each matrix
   * @param numbers of the matrices
   * @param products as many as there are matrices
   * @param bytes of all matrices that a sweep reads
   */
  public static double productSeconds(
      DeviceSpec device,
      ElementType type,
      double rows,
      double columns,
      double numbers,
      double products,
      double bytes) {
    var latency = device.rates().get(Rate.PRODUCT_LATENCY);
    return 2 * rows * numbers / matmul(device, type, rows, columns, bytes)
        + (latency == null ? 0 : products * latency.value());
  }

  /** The highest FLOP/s of any product. */
  static double bestMatmul(DeviceSpec device) {
    return device.curves().stream()
        .filter(c -> c.measure() == Measure.MATMUL || c.measure() == Measure.MATMUL_CACHED)
        .mapToDouble(RateCurve::highest)
        .max()
        .orElseThrow();
  }

  /**
   * FLOP/s of attention, where that was measured for keys and values of the type. Of one row, the
   * tokens count by the width of their keys: a narrow model's are as much work as fewer.
   *
   * @param rows of a sequence that attend at once
   * @param tokens that a query row reads
   */
  public static Optional<Double> attend(
      DeviceSpec device, ModelShape shape, ElementType type, double rows, double tokens) {
    if (rows > 1) {
      var prompt = device.curve(Measure.ATTEND_PROMPT, type);
      if (prompt.isPresent()) {
        return prompt.map(known -> known.at(tokens));
      }
    }
    double size = tokens * shape.kvWidth() / KV_WIDTH;
    return device
        .curve(Measure.ATTEND, type)
        .map(known -> known.at(size) * grouped(device, group(shape), size));
  }

  /** A curve that is measured for one type, and stands for all. */
  private static Optional<RateCurve> only(DeviceSpec device, Measure measure) {
    return device.curves().stream().filter(curve -> curve.measure() == measure).findFirst();
  }

  /** Query heads that share a head of keys and values. */
  public static double group(ModelShape shape) {
    return (double) shape.heads() / shape.kvHeads();
  }

  /**
   * What attention's rate is times that of heads which share nothing: the seconds of a token grow
   * with the heads that share it, from those of one to those of {@link #GROUP}.
   */
  static double grouped(DeviceSpec device, double group, double tokens) {
    var shared = only(device, Measure.ATTEND_GROUPED);
    if (shared.isEmpty() || group <= 1) {
      return 1;
    }
    var alone = device.curve(Measure.ATTEND, shared.get().type().orElseThrow());
    if (alone.isEmpty()) {
      return 1;
    }
    double seconds =
        GROUP * alone.get().at(tokens) / shared.get().at(tokens); // of one head's are 1
    return group / (1 + Math.max(0, seconds - 1) * (group - 1) / (GROUP - 1));
  }

  /**
   * Seconds that moving bytes to or from storage takes.
   *
   * @param rate {@link Rate#READ} or {@link Rate#WRITE}
   * @param cached whether the bytes pass through the page cache: see {@link #cached}
   */
  public static double storageSeconds(
      DeviceSpec device, Rate rate, double bytes, double transfers, boolean cached) {
    boolean reads = rate == Rate.READ;
    return Optional.of(reads ? Measure.READ_CACHED : Measure.WRITE_CACHED)
        .filter(measure -> cached)
        .flatMap(device::curve)
        .or(() -> device.curve(reads ? Measure.READ : Measure.WRITE))
        .map(curve -> bytes / curve.at(bytes / transfers))
        .orElseGet(() -> bytes / device.rate(rate) + transfers * device.rate(Rate.LATENCY));
  }

  /**
   * Whether a disk's transfers pass through the page cache, as the engine has those of loads and of
   * sequences that are small.
   *
   * @param bytes of one load, or of all that a layer may hold of one sequence
   */
  public static boolean cached(double bytes) {
    return bytes < Footprint.DIRECT_BYTES;
  }

  /**
   * Seconds of what passes do beside products and attention: norms, rotations, activations and sums
   * at {@link Rate#ELEMENTWISE}, and {@link Rate#PASS_LATENCY} for each; 0 where the device has no
   * such rate.
   *
   * @param passes through a layer or the head
   * @param bytes see {@link #layerBytes} and {@link #headBytes}
   */
  public static double overheadSeconds(DeviceSpec device, double passes, double bytes) {
    var elementwise = device.rates().get(Rate.ELEMENTWISE);
    var latency = device.rates().get(Rate.PASS_LATENCY);
    return (elementwise == null ? 0 : bytes / elementwise.value())
        + (latency == null ? 0 : passes * latency.value());
  }

  /**
   * Bytes of activations that a pass of so many rows has in a layer: {@code rows · 4 · (4 · hidden
   * + 2 · queryWidth + 2 · width of the MLP)}.
   */
  public static double layerBytes(ModelShape shape, double rows) {
    return rows
        * F32
        * (4.0 * shape.hidden() + 2.0 * shape.queryWidth() + 2.0 * shape.rows(Weight.UP));
  }

  /** Bytes of the logits of so many rows, which are looked through for the next tokens. */
  public static double headBytes(ModelShape shape, double rows) {
    return rows * F32 * shape.vocabulary();
  }

  /** Seconds that a rate says, 0 where the device has none. */
  public static double seconds(DeviceSpec device, Rate rate) {
    var value = device.rates().get(rate);
    return value == null ? 0 : value.value();
  }

  private static Optional<RateCurve> nearest(DeviceSpec device, Measure measure, ElementType type) {
    var like =
        switch (type) {
          case F32, F16, BF16, INT8, INT4 -> type;
          case Q8_0, Q6_K -> ElementType.INT8;
          case Q4_0, Q4_K -> ElementType.INT4;
        };
    return device.curve(measure, like).or(() -> only(device, measure));
  }
}
