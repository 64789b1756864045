package dev.stowage.optimizer.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SpeedsTest {
  private static final ElementType F16 = ElementType.F16;
  private static final double MIB = 1 << 20;

  private static RateCurve curve(Measure measure, Map<Long, Double> points) {
    var values = new TreeMap<Long, RateValue>();
    points.forEach((size, rate) -> values.put(size, new RateValue(rate, Origin.MEASURED)));
    return new RateCurve(measure, measure.typed() ? Optional.of(F16) : Optional.empty(), values);
  }

  private static RateCurve flat(Measure measure, double rate) {
    return curve(measure, Map.of(1L, rate));
  }

  private static DeviceSpec device(RateCurve... curves) {
    return new DeviceSpec(
        "d", DeviceKind.HOST, 1, 0, Optional.empty(), false, Map.of(), List.of(curves));
  }

  private static double matmul(DeviceSpec device, double columns, double mebibytes) {
    return Speeds.matmul(device, F16, 4, columns, mebibytes * MIB);
  }

  @Test
  void matricesAreReadFromMemoryAsFarAsTheSweepSays() {
    var sweep =
        curve(
            Measure.SWEEP,
            Map.of(4L << 20, 64.0, 16L << 20, 32.0, 32L << 20, 16.0, 64L << 20, 16.0));
    var device = device(flat(Measure.MATMUL, 10), flat(Measure.MATMUL_CACHED, 1000), sweep);
    assertEquals(1000, matmul(device, 1024, 1), 1e-9);
    assertEquals(1000, matmul(device, 1024, 4), 1e-9);
    assertEquals(100, matmul(device, 1024, 16), 1e-9, "half way, by the logarithm");
    assertEquals(10, matmul(device, 1024, 32), 1e-9);
    assertEquals(10, matmul(device, 1024, 1000), 1e-9);
  }

  @Test
  void whereNoSweepWasMeasuredCachesHold32MiB() {
    var device = device(flat(Measure.MATMUL, 10), flat(Measure.MATMUL_CACHED, 1000));
    assertEquals(1000, matmul(device, 1024, 4), 1e-9);
    assertEquals(10, matmul(device, 1024, 32), 1e-9);
  }

  @Test
  void narrowMatricesTakeLongerForTheSameWork() {
    var device =
        device(
            flat(Measure.MATMUL, 50),
            flat(Measure.MATMUL_CACHED, 100),
            flat(Measure.MATMUL_SMALL, 64));
    assertEquals(50, matmul(device, 1024, 64), 1e-9);
    assertEquals(50, matmul(device, 4096, 64), 1e-9);
    assertEquals(0.8 * 50, matmul(device, 512, 64), 1e-9);
    assertEquals(0.64 * 50, matmul(device, 256, 64), 1e-9);
    assertEquals(0.64 * 50, matmul(device, 64, 64), 1e-9);
    var faster =
        device(
            flat(Measure.MATMUL_CACHED, 100),
            flat(Measure.MATMUL, 100),
            flat(Measure.MATMUL_SMALL, 130));
    assertEquals(100, matmul(faster, 256, 1), 1e-9, "a small product is no faster: that is chance");
  }

  @Test
  void headsThatShareKeysAndValuesReadThemOnce() {
    // A token takes 1 where a head is alone, and 4.5 for eight: one more takes 0.5.
    var device = device(flat(Measure.ATTEND, 100), flat(Measure.ATTEND_GROUPED, 8 * 100 / 4.5));
    assertEquals(100, attend(device, 1), 1e-9);
    assertEquals(2 * 100 / 1.5, attend(device, 2), 1e-9);
    assertEquals(4 * 100 / 2.5, attend(device, 4), 1e-9);
    assertEquals(8 * 100 / 4.5, attend(device, 8), 1e-9);
    assertEquals(100, attend(device(flat(Measure.ATTEND, 100)), 8), 1e-9, "not measured");
  }

  private static double attend(DeviceSpec device, double group) {
    return 100 * Speeds.grouped(device, group, 64);
  }

  @Test
  void whatPassesThroughThePageCacheHasACurveOfItsOwn() {
    var device =
        device(flat(Measure.READ, 10), flat(Measure.READ_CACHED, 100), flat(Measure.WRITE, 5));
    assertEquals(10, Speeds.storageSeconds(device, Rate.READ, 100, 2, false), 1e-9);
    assertEquals(1, Speeds.storageSeconds(device, Rate.READ, 100, 2, true), 1e-9);
    assertEquals(
        20, Speeds.storageSeconds(device, Rate.WRITE, 100, 2, true), 1e-9, "no such curve");
    assertTrue(Speeds.cached((256 << 10) - 1));
  }

  @Test
  void wholePagesOfFlashAddUpOverSteps() {
    for (int page : new int[] {1, 3, 32}) {
      for (int first = -40; first < 100; first += 7) {
        for (int most : new int[] {0, 2, 31, 64, 90}) {
          double sum = 0;
          for (int step = 0; step < 75; step++) {
            sum += FlashPages.whole(Math.clamp(first + step, 0, most), page);
          }
          assertEquals(
              sum,
              FlashPages.sumOfWhole(first, 75, most, page),
              "page %d, first %d, most %d".formatted(page, first, most));
        }
      }
    }
  }
}
