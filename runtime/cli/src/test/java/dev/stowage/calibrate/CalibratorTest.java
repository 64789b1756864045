package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole of it, with as little effort as there can be: nothing is said of the numbers. */
class CalibratorTest {
  private static final Effort LEAST = new Effort(1, 1, 64, 0, 1e-5, 0, 0, 1024);

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
      assertEquals(8, host.curve(Measure.MATMUL, type).orElseThrow().points().size());
      assertEquals(8, host.curve(Measure.MATMUL_CACHED, type).orElseThrow().points().size());
      assertEquals(5, host.curve(Measure.MATMUL_SMALL, type).orElseThrow().points().size());
    }
    assertTrue(host.curve(Measure.ATTEND, ElementType.F16).isPresent());
    assertTrue(host.curve(Measure.ATTEND_PROMPT, ElementType.F32).isPresent());
    assertTrue(host.curve(Measure.ATTEND_GROUPED, ElementType.F16).isPresent());
    assertEquals(7, host.curve(Measure.SWEEP, ElementType.F16).orElseThrow().points().size());
    assertEquals(Origin.MEASURED, host.rates().get(Rate.ELEMENTWISE).origin());
    assertEquals(Origin.MEASURED, host.rates().get(Rate.MEMORY_BANDWIDTH).origin());
    var disk = calibration.disk().orElseThrow();
    assertEquals(6, disk.curve(Measure.READ).orElseThrow().points().size());
    assertEquals(5, disk.curve(Measure.WRITE).orElseThrow().points().size());
    assertEquals(4, disk.curve(Measure.READ_CACHED).orElseThrow().points().size());
    assertEquals(4, disk.curve(Measure.WRITE_CACHED).orElseThrow().points().size());
    assertEquals(2, said.size());
    assertTrue(calibration.notes().getLast().startsWith("Drift guard: "), said::toString);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(), files.toList(), "scratch files");
    }
  }

  @Test
  void aMachineThatIsNotSteadyIsToldByHowMuch() {
    var bad = new Rounds.Outcome(Map.of(), 9, 7, 0.14, 1.5, false, Set.of(), Set.of());
    var good = new Rounds.Outcome(Map.of(), 5, 0, 0.02, 0.02, true, Set.of(), Set.of());
    assertEquals(
        "Drift guard: NOT STEADY. The reference was off by more than 15 % in 7 of 14 stretches, by up to 150 % in all: measure again when the machine is quiet.",
        Calibrator.drift(List.of(bad, good), false));
    assertEquals(
        "Drift guard: 5 stretches, 0 of them left out; in those that count the reference stayed within 2 %.",
        Calibrator.drift(List.of(good), true));
  }

  /** Seconds of all kernels on a machine of one GFLOP/s. */
  private static Map<String, Double> plain() {
    var seconds = new HashMap<String, Double>();
    for (var type : List.of("f32", "f16", "bf16", "int8", "int4")) {
      for (int rows : new int[] {1, 2, 4, 8, 16, 32, 64, 256}) {
        seconds.put("matmul %s %d".formatted(type, rows), 2e-3 * rows);
        seconds.put("matmul-cached %s %d".formatted(type, rows), 1e-3 * rows);
      }
      for (int tokens : new int[] {1, 16, 48, 64, 256, 1024}) {
        seconds.put("attend %s %d".formatted(type, tokens), 1e-6 * tokens);
      }
    }
    return seconds;
  }

  @Test
  void aPointFarBelowItsNeighboursIsInDoubt() {
    assertEquals(Set.of(), KernelPieces.doubtful(plain()));
    // slower for 4 rows than for 16
    var low = plain();
    low.put("matmul f32 4", 3 * low.get("matmul f32 16"));
    assertEquals(Set.of("matmul f32 4"), KernelPieces.doubtful(low));
    // one row has no smaller neighbour
    var first = plain();
    first.put("attend int8 1", 1.5 * first.get("attend int8 16"));
    assertEquals(Set.of("attend int8 1"), KernelPieces.doubtful(first));
    // a little is chance
    var little = plain();
    little.put("matmul f16 64", 1.1 * little.get("matmul f16 64"));
    assertEquals(Set.of(), KernelPieces.doubtful(little));
    var cached = plain();
    cached.put("matmul-cached bf16 1", 1.2 * cached.get("matmul bf16 1"));
    assertEquals(Set.of("matmul-cached bf16 1"), KernelPieces.doubtful(cached));
  }

  @Test
  void whatWasTimedAgainIsSaid() {
    var names = Set.of("matmul f32 4");
    var mended = new Rounds.Outcome(Map.of(), 5, 0, 0, 0, true, names, Set.of());
    assertEquals(
        "Points out of line with their neighbours, timed once more: 1; all are in line now.",
        Calibrator.doubt(mended).orElseThrow());
    var kept = new Rounds.Outcome(Map.of(), 5, 0, 0, 0, true, names, names);
    assertTrue(Calibrator.doubt(kept).orElseThrow().endsWith("and kept: matmul f32 4."));
  }

  @Test
  void whatReadsAndProductsTakeOfEachOtherIsAPartOfEach() {
    var seconds =
        Map.of(
            "products", 1.0,
            "products beside reads", 1.25,
            "read 1048576", 2.0,
            "reads beside products", 1.9);
    assertEquals(0.2, DiskPieces.slowsHost(seconds), 1e-12);
    assertEquals(0, DiskPieces.slowedByHost(seconds), "faster by chance");
  }

  @Test
  void whatKernelsCostByBeingCalledIsNotInTheRateOfTheirBytes() {
    // 128 rows of (6 · 512 + 2 · 1408) floats; one row takes a call's 50 us and its own bytes
    double row = 4.0 * (6 * 512 + 2 * 1408);
    double call = 50e-6;
    var seconds =
        Map.of("elementwise 1", call + row / 4e9, "elementwise 128", call + 128 * row / 4e9);
    assertEquals(4e9, KernelPieces.elementwiseRate(seconds), 1);
    // where the clock cannot tell them apart, all counts
    assertEquals(
        127 * row / 1e-3,
        KernelPieces.elementwiseRate(Map.of("elementwise 1", 1e-3, "elementwise 128", 1e-3)),
        1);
  }

  @Test
  void whatAProductCostsByBeingCalledIsApartFromItsCurve() {
    var seconds = new HashMap<String, Double>();
    for (var type : List.of("f32", "f16", "bf16")) {
      for (int rows : new int[] {1, 4, 16}) {
        seconds.put("matmul-cached %s %d".formatted(type, rows), 10e-6 + 160e-6 * rows);
        seconds.put("small product %s %d".formatted(type, rows), 10e-6 + 10e-6 * rows);
      }
    }
    assertEquals(10e-6, KernelPieces.productLatency(seconds), 1e-12);
    // small matrices that are no slower than their share have no such cost
    seconds.replaceAll((name, all) -> name.startsWith("small") ? all / 3 : all);
    assertEquals(0, KernelPieces.productLatency(seconds));
  }

  @Test
  void aModelInTheFolderTellsWhatReadingItFirstTakes() throws IOException {
    var without = calibrator(folder, new ArrayList<>(), () -> false).run();
    assertTrue(
        without.notes().stream().anyMatch(note -> note.contains("no model lies in")),
        () -> without.notes().toString());
    var model = Files.createDirectory(folder.resolve("some")).resolve("model.safetensors");
    Files.write(model, new byte[17 << 20]);
    try (var stored = StoredFile.open(model)) {
      assumeTrue(stored.isDirect(), "nothing passes the page cache by here");
    }
    var with = calibrator(folder, new ArrayList<>(), () -> false).run();
    assertTrue(
        with.notes().stream()
            .anyMatch(note -> note.matches(".*of model.safetensors came at .* GB/s again.")),
        () -> with.notes().toString());
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
