package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostFileTest {
  private static final LocalDate DAY = LocalDate.of(2026, 11, 21);
  private static final List<ElementType> TYPES =
      List.of(
          ElementType.F32, ElementType.F16, ElementType.BF16, ElementType.INT8, ElementType.INT4);

  @TempDir private Path folder;

  private static RateValue rate(Random random, double least, double most, Origin origin) {
    double value = least * Math.pow(most / least, random.nextDouble());
    return new RateValue(HostFile.rounded(value), origin);
  }

  private static Calibration random(Random random) {
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    for (var rate :
        List.of(Rate.MEMORY_BANDWIDTH, Rate.PREFILL_COMPUTE, Rate.DECODE_COMPUTE, Rate.ATTENTION)) {
      rates.put(rate, rate(random, 1e6, 1e13, Origin.MEASURED));
    }
    rates.put(Rate.ELEMENTWISE, rate(random, 1e6, 1e12, Origin.FITTED));
    rates.put(Rate.PASS_LATENCY, rate(random, 1e-7, 1e-2, Origin.FITTED));
    var curves = new ArrayList<RateCurve>();
    for (var measure : List.of(Measure.MATMUL, Measure.MATMUL_CACHED, Measure.ATTEND)) {
      for (var type : TYPES) {
        curves.add(curve(random, measure, Optional.of(type), 1, 4, 16, 64, 1000));
      }
    }
    var host =
        new DeviceSpec(
            "ram", DeviceKind.HOST, 9L << 30, 1L << 20, Optional.empty(), false, rates, curves);
    var storage = new EnumMap<Rate, RateValue>(Rate.class);
    storage.put(Rate.READ, rate(random, 1e6, 1e10, Origin.MEASURED));
    storage.put(Rate.WRITE, rate(random, 1e6, 1e10, Origin.MEASURED));
    storage.put(Rate.LATENCY, rate(random, 1e-7, 1e-2, Origin.FITTED));
    storage.put(Rate.SLOWS_HOST, rate(random, 0.01, 1, Origin.MEASURED));
    storage.put(Rate.SLOWED_BY_HOST, rate(random, 0.01, 1, Origin.MEASURED));
    var disk =
        new DeviceSpec(
            "ssd",
            DeviceKind.DISK,
            1L << 30,
            0,
            Optional.of("/a \"folder\" with \\ blanks"),
            false,
            storage,
            List.of(
                curve(random, Measure.READ, Optional.empty(), 1, 4096, 1 << 20),
                curve(random, Measure.WRITE, Optional.empty(), 4096, 65536)));
    return new Calibration(DAY, host, Optional.of(disk), List.of("A note."), true);
  }

  private static RateCurve curve(
      Random random, Measure measure, Optional<ElementType> type, long... sizes) {
    var points = new TreeMap<Long, RateValue>();
    for (long size : sizes) {
      points.put(size, rate(random, 1e5, 1e13, Origin.MEASURED));
    }
    return new RateCurve(measure, type, points);
  }

  @Test
  void aPlanReadsTheNumbersThatWereWritten() throws IOException {
    for (long seed = 1; seed <= 5; seed++) {
      var written = random(new Random(seed));
      HostFile.write(folder.resolve("host.stow"), written);
      var compilation =
          Compiler.compile(
              """
              plan p
              platform from "host.stow"
              model m = shape opt-125m
              workload w { prompt 32 tok  generate 8 tok  batch 4 }
              maximize throughput
              """,
              folder.resolve("p.stow"),
              Settings.none());
      switch (compilation) {
        case Compilation.Compiled compiled -> {
          var machine = compiled.plan().machine();
          assertEquals(written.host(), machine.device("ram"), "seed " + seed);
          assertEquals(written.disk().orElseThrow(), machine.device("ssd"), "seed " + seed);
        }
        case Compilation.Erroneous(var said) -> throw new AssertionError("seed " + seed + said);
        case Compilation.Infeasible(var _, var said) -> throw new AssertionError(seed + "" + said);
      }
    }
  }

  @Test
  void everyMeasuredNumberHasItsDate() {
    for (var line : HostFile.text(random(new Random(3))).lines().toList()) {
      if (line.contains("measured") || line.contains("fitted")) {
        assertTrue(line.endsWith(" 2026-11-21"), line);
      }
    }
  }

  @Test
  void whatPeopleWroteIsLeftAsItIs() throws IOException {
    var target = folder.resolve("plan.stow");
    Files.writeString(target, "plan mine\n");
    var calibration = random(new Random(4));
    assertThrows(CalibrationException.class, () -> HostFile.write(target, calibration));
    assertEquals("plan mine\n", Files.readString(target));

    var own = folder.resolve("host.stow");
    HostFile.write(own, calibration);
    HostFile.write(own, random(new Random(5)));
    assertEquals(HostFile.text(random(new Random(5))), Files.readString(own));
    try (var files = Files.list(folder)) {
      assertFalse(files.anyMatch(file -> file.toString().endsWith(".tmp")));
    }
  }
}
