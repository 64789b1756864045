package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.RateCurve.Measure;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RateCurveTest {
  private static RateCurve curve(Map<Long, Double> points) {
    var values = new TreeMap<Long, RateValue>();
    points.forEach((size, rate) -> values.put(size, new RateValue(rate, Origin.MEASURED)));
    return new RateCurve(Measure.READ, Optional.empty(), values);
  }

  @Test
  void aPointIsTheRateAtItsSize() {
    var curve = curve(Map.of(4L, 100.0, 64L, 1600.0, 1024L, 800.0));
    assertEquals(100, curve.at(4));
    assertEquals(1600, curve.at(64), 1e-9);
    assertEquals(800, curve.at(1024));
  }

  @Test
  void betweenTwoPointsTheRateIsAPowerOfTheSize() {
    var curve = curve(Map.of(4L, 100.0, 64L, 1600.0));
    assertEquals(400, curve.at(16), 1e-9);
  }

  @Test
  void beyondTheEndsTheRateStays() {
    var curve = curve(Map.of(4L, 100.0, 64L, 1600.0));
    assertEquals(100, curve.at(0.5));
    assertEquals(1600, curve.at(1e30));
    assertEquals(1600, curve.at(Double.POSITIVE_INFINITY));
    assertEquals(100, curve.at(Double.NaN), "of nothing moved in no transfer");
  }

  @Test
  void partsOfItCanBeScaled() {
    var curve = curve(Map.of(4L, 100.0, 64L, 1600.0)).times(size -> size > 4, 2);
    assertEquals(curve(Map.of(4L, 100.0, 64L, 3200.0)), curve);
  }

  @Test
  void whatIsNoCurveIsRefused() {
    var none = new TreeMap<Long, RateValue>();
    assertThrows(
        IllegalArgumentException.class, () -> new RateCurve(Measure.READ, Optional.empty(), none));
    assertThrows(IllegalArgumentException.class, () -> curve(Map.of(0L, 1.0)));
    var points = curve(Map.of(1L, 1.0)).points();
    assertThrows(
        IllegalArgumentException.class,
        () -> new RateCurve(Measure.READ, Optional.of(ElementType.F16), points));
    assertThrows(
        IllegalArgumentException.class,
        () -> new RateCurve(Measure.MATMUL, Optional.empty(), points));
  }
}
