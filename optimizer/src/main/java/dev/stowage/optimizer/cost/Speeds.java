package dev.stowage.optimizer.cost;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
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

  /**
   * Matrices of so many bytes come from memory already: caches that cores share hold 32 MiB or so,
   * and what is read in turn over and over is gone from one that does not hold all of it.
   */
  private static final long BEYOND_CACHE_BYTES = 32L << 20;

  private Speeds() {}

  /** Whether products are priced by curves, type by type. */
  public static boolean measured(DeviceSpec device) {
    return device.curves().stream().anyMatch(curve -> curve.measure() == Measure.MATMUL);
  }

  /**
   * FLOP/s of a product on a device with curves. A type without one of its own counts like the one
   * that stores numbers most like it; between {@link #CACHED_BYTES} and 32 MiB, rates are
   * interpolated by the logarithm.
   *
   * @param rows of activations
   * @param bytes of all matrices that a sweep reads
   */
  public static double matmul(DeviceSpec device, ElementType type, double rows, double bytes) {
    double memory = nearest(device, Measure.MATMUL, type).orElseThrow().at(rows);
    var cached = nearest(device, Measure.MATMUL_CACHED, type);
    if (cached.isEmpty() || bytes >= BEYOND_CACHE_BYTES) {
      return memory;
    }
    double part =
        Math.log(Math.max(1, bytes / CACHED_BYTES))
            / Math.log((double) BEYOND_CACHE_BYTES / CACHED_BYTES);
    return Math.pow(cached.get().at(rows), 1 - part) * Math.pow(memory, part);
  }

  /**
   * Seconds of products on a device with curves: their FLOPs at {@link #matmul}'s rate, and {@link
   * Rate#PRODUCT_LATENCY} for each, where the device has one.
   *
   * @param rows of activations
   * @param numbers of the matrices
   * @param products as many as there are matrices
   * @param bytes of all matrices that a sweep reads
   */
  public static double productSeconds(
      DeviceSpec device,
      ElementType type,
      double rows,
      double numbers,
      double products,
      double bytes) {
    var latency = device.rates().get(Rate.PRODUCT_LATENCY);
    return 2 * rows * numbers / matmul(device, type, rows, bytes)
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
   * FLOP/s of attention, where that was measured for keys and values of the type.
   *
   * @param rows of a sequence that attend at once
   * @param tokens that a query row reads
   */
  public static Optional<Double> attend(
      DeviceSpec device, ElementType type, double rows, double tokens) {
    var curve = device.curve(rows > 1 ? Measure.ATTEND_PROMPT : Measure.ATTEND, type);
    return curve.or(() -> device.curve(Measure.ATTEND, type)).map(known -> known.at(tokens));
  }

  /**
   * Seconds that moving bytes to or from storage takes.
   *
   * @param rate {@link Rate#READ} or {@link Rate#WRITE}
   */
  public static double storageSeconds(
      DeviceSpec device, Rate rate, double bytes, double transfers) {
    return device
        .curve(rate == Rate.READ ? Measure.READ : Measure.WRITE)
        .map(curve -> bytes / curve.at(bytes / transfers))
        .orElseGet(() -> bytes / device.rate(rate) + transfers * device.rate(Rate.LATENCY));
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

  private static Optional<RateCurve> nearest(DeviceSpec device, Measure measure, ElementType type) {
    var like =
        switch (type) {
          case F32, F16, BF16, INT8, INT4 -> type;
          case Q8_0, Q6_K -> ElementType.INT8;
          case Q4_0, Q4_K -> ElementType.INT4;
        };
    return device
        .curve(measure, like)
        .or(() -> device.curves().stream().filter(c -> c.measure() == measure).findFirst());
  }
}
