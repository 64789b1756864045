package dev.stowage.calibrate;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
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

  /**
   * Seconds now over seconds then; above 1, the machine is slower.
   *
   * @param compute of products of few and of many rows, the geometric mean
   * @param read of a disk; 1 where none was measured
   */
  public record Factors(double compute, double read) {
    /** Between two moments. */
    public static Factors between(Factors one, Factors other) {
      return new Factors(
          Math.sqrt(one.compute() * other.compute()), Math.sqrt(one.read() * other.read()));
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

  private static final List<Product> PRODUCTS =
      List.of(
          new Product(Measure.MATMUL, ElementType.F32, 1),
          new Product(Measure.MATMUL, ElementType.F16, 4),
          new Product(Measure.MATMUL_CACHED, ElementType.F16, 64),
          new Product(Measure.MATMUL, ElementType.F32, 256));

  private final WorkerPool pool;
  private final Arena arena = Arena.ofShared();
  private final DiskPieces files;
  private final List<Point> products = new ArrayList<>();
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
    for (var product : PRODUCTS) {
      double rate =
          platform.stream()
              .flatMap(device -> device.curve(product.measure(), product.type()).stream())
              .findFirst()
              .orElseThrow(() -> new CalibrationException("the platform has no measured products"))
              .at(product.rows());
      products.add(
          new Point(
              pieces.product(product.measure(), product.type(), product.rows()),
              pieces.productFlops(product.rows()) / rate));
    }
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
    products.forEach(point -> point.piece().warmUp(System::nanoTime));
  }

  /** Times all points once. */
  public Factors now() {
    double logarithms = 0;
    for (var point : products) {
      logarithms += Math.log(point.factor());
    }
    return new Factors(Math.exp(logarithms / products.size()), read == null ? 1 : read.factor());
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
