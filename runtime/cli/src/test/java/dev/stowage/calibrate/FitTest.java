package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FitTest {
  @Test
  void findsWhatTheRunsWereMadeOf() {
    long seed = 11;
    var random = new Random(seed);
    double latency = 20e-6;
    var runs = new ArrayList<Fit.Run>();
    for (int i = 0; i < 12; i++) {
      double known = random.nextDouble() * 1e-3;
      double seconds = (known + 100 * latency) * (1 + 0.01 * random.nextGaussian());
      runs.add(new Fit.Run(known, 100, seconds));
    }
    var fit = Fit.of(runs);
    assertEquals(latency, fit.passLatency(), 0.1 * latency, "seed " + seed);
    assertEquals(0.01, fit.error(runs), 0.01, "seed " + seed);
  }

  @Test
  void neverSaysThatWorkTakesLessThanNoTime() {
    var fast = List.of(new Fit.Run(2, 10, 1), new Fit.Run(3, 20, 1));
    assertEquals(new Fit(0), Fit.of(fast));
  }

  @Test
  void theErrorIsTheRootMeanSquareOfThoseOfTheRuns() {
    var runs = List.of(new Fit.Run(1.1, 0, 1), new Fit.Run(2.6, 0, 2), new Fit.Run(1, 0, 1));
    assertEquals(new Fit(0), Fit.of(runs));
    assertEquals(Math.sqrt((0.01 + 0.09) / 3), new Fit(0).error(runs), 1e-12);
  }
}
