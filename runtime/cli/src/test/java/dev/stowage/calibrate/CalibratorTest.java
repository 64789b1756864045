package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole of it, with as little effort as there can be: nothing is said of the numbers. */
class CalibratorTest {
  private static final Effort LEAST = new Effort(1, 1, 1, 64, 0, 1e-5, 0, 0, 1024);

  @TempDir private Path folder;

  private Calibrator calibrator(Path disk, List<String> said, BooleanSupplier stop) {
    return new Calibrator(
        disk, LEAST, 2, 4L << 30, 3L << 30, LocalDate.of(2026, 11, 21), said::add, stop);
  }

  @Test
  void measuresEveryCurveAndLeavesNothingBehind() throws IOException {
    var said = new ArrayList<String>();
    var calibration = calibrator(folder, said, () -> false).run();

    var host = calibration.host();
    for (var type : List.of(ElementType.F32, ElementType.BF16, ElementType.INT4)) {
      assertEquals(5, host.curve(Measure.MATMUL, type).orElseThrow().points().size());
      assertEquals(5, host.curve(Measure.MATMUL_CACHED, type).orElseThrow().points().size());
    }
    assertTrue(host.curve(Measure.ATTEND, ElementType.F16).isPresent());
    assertEquals(Origin.MEASURED, host.rates().get(Rate.MEMORY_BANDWIDTH).origin());
    var disk = calibration.disk().orElseThrow();
    assertEquals(5, disk.curve(Measure.READ).orElseThrow().points().size());
    assertEquals(5, disk.curve(Measure.WRITE).orElseThrow().points().size());
    assertEquals(3, said.size());
    assertTrue(calibration.notes().getLast().startsWith("Drift guard: "), said::toString);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(), files.toList(), "scratch files");
    }
  }

  @Test
  void endsWhereTheUserSaysAndLeavesNothingBehind() throws IOException {
    var calibrator = calibrator(folder, new ArrayList<>(), () -> true);
    assertThrows(CalibrationException.class, calibrator::run);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(), files.toList(), "scratch files");
    }
  }

  @Test
  void aDiskThatIsNoneIsAnError() {
    var calibrator = calibrator(folder.resolve("none"), new ArrayList<>(), () -> false);
    var e = assertThrows(CalibrationException.class, calibrator::run);
    assertTrue(e.getMessage().endsWith("none is no folder"), e::getMessage);
  }
}
