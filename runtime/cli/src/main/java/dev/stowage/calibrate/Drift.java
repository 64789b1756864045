package dev.stowage.calibrate;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.kernel.KernelSelection;
import dev.stowage.runtime.parallel.WorkerPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How much slower a machine is now than when its platform was measured: a few points of the
 * platform's curves, timed again. On a machine that is shared, this tells what a prediction is off
 * by from what the machine is.
 */
public final class Drift implements AutoCloseable {
  private static final double WARM_SECONDS = 0.2;
  private static final double TIMED_SECONDS = 0.005;
  private static final int DISK_ROWS = 8192;

  /** How often a point is timed: the median counts. */
  private static final int TIMES = 3;

  /**
   * Seconds now over seconds then; above 1, the machine is slower.
   *
   * @param few of products of few rows, which wait for memory
   * @param many of products of many rows, which compute
   * @param read of a disk; 1 where none was measured
   */
  public record Factors(double few, double many, double read) {
    /** Between two moments. */
    public static Factors between(Factors one, Factors other) {
      return new Factors(
          Math.sqrt(one.few * other.few),
          Math.sqrt(one.many * other.many),
          Math.sqrt(one.read * other.read));
    }

    /** Of products of so many rows: between few and many, by the logarithm. */
    public double compute(double rows) {
      double part = Math.log(rows / FEW) / Math.log((double) MANY / FEW);
      part = Math.clamp(part, 0, 1);
      return Math.pow(few, 1 - part) * Math.pow(many, part);
    }
  }

  /**
   * A piece, and the seconds that it took then.
   *
   * @param then seconds of a unit by the platform's curve
   */
  private record Point(Piece piece, double then) {
    double factor() {
      return piece.seconds(System::nanoTime) / then;
    }
  }

  private record Product(Measure measure, ElementType type, int rows) {}

  private static final int FEW = 4; // rows
  private static final int MANY = 64;

  private static final List<Product> OF_FEW =
      List.of(
          new Product(Measure.MATMUL, ElementType.F32, 1),
          new Product(Measure.MATMUL, ElementType.F16, FEW));

  private static final List<Product> OF_MANY =
      List.of(
          new Product(Measure.MATMUL_CACHED, ElementType.F16, MANY),
          new Product(Measure.MATMUL, ElementType.F32, 4 * MANY));

  private final WorkerPool pool;
  private final Arena arena = Arena.ofShared();
  private final DiskPieces files;
  private final List<Point> few;
  private final List<Point> many;
  private final Point read;

  /**
   * @param platform the host and, if it has one, the disk that calibration measured
   * @param scratch an empty folder on that disk
   */
  public Drift(List<DeviceSpec> platform, Path scratch, int threads)
      throws IOException, ModelFormatException {
    pool = new WorkerPool(threads);
    var kernels = KernelSelection.best(pool).kernels();
    int side = Effort.FULL.side();
    var pieces =
        new KernelPieces(
            kernels,
            arena,
            List.of(ElementType.F32, ElementType.F16),
            side,
            WARM_SECONDS,
            TIMED_SECONDS);
    few = points(OF_FEW, pieces, platform);
    many = points(OF_MANY, pieces, platform);
    var reads =
        platform.stream().flatMap(device -> device.curve(Measure.READ).stream()).findFirst();
    if (reads.isPresent()) {
      Files.createDirectories(scratch);
      files = DiskPieces.open(scratch, kernels, DISK_ROWS, TIMED_SECONDS);
      double rate = reads.get().at(DiskPieces.readBytes());
      read = new Point(files.reads(), DiskPieces.readRate(1) / rate);
      read.piece().warmUp(System::nanoTime);
    } else {
      files = null;
      read = null;
    }
    few.forEach(point -> point.piece().warmUp(System::nanoTime));
    many.forEach(point -> point.piece().warmUp(System::nanoTime));
  }

  private static List<Point> points(
      List<Product> products, KernelPieces pieces, List<DeviceSpec> platform) {
    var points = new ArrayList<Point>();
    for (var product : products) {
      var host =
          platform.stream()
              .filter(device -> device.curve(product.measure(), product.type()).isPresent())
              .findFirst()
              .orElseThrow(() -> new CalibrationException("the platform has no measured products"));
      double rate = host.curve(product.measure(), product.type()).orElseThrow().at(product.rows());
      var latency = host.rates().get(Rate.PRODUCT_LATENCY);
      points.add(
          new Point(
              pieces.product(product.measure(), product.type(), product.rows()),
              pieces.productFlops(product.rows()) / rate
                  + (latency == null ? 0 : latency.value())));
    }
    return points;
  }

  /**
   * Times all points, {@value #TIMES} times in turn.
   *
   * @param reads whether the disk is asked too; its factor is 1 if not
   */
  public Factors now(boolean reads) {
    var times = new double[3][TIMES];
    for (int i = 0; i < TIMES; i++) {
      times[0][i] = mean(few);
      times[1][i] = mean(many);
      times[2][i] = read == null || !reads ? 1 : read.factor();
    }
    return new Factors(Rounds.median(times[0]), Rounds.median(times[1]), Rounds.median(times[2]));
  }

  /** The geometric mean. */
  private static double mean(List<Point> points) {
    double logarithms = 0;
    for (var point : points) {
      logarithms += Math.log(point.factor());
    }
    return Math.exp(logarithms / points.size());
  }

  @Override
  public void close() {
    if (files != null) {
      files.close();
    }
    pool.close();
    arena.close();
  }
}
