package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FitTest {
  private static Fit.Run run(double known, double passes, double bytes, Fit truth, double noise) {
    double seconds = known + passes * truth.passLatency() + bytes * truth.secondsPerByte();
    return new Fit.Run(known, passes, bytes, seconds * noise);
  }

  @Test
  void findsWhatTheRunsWereMadeOf() {
    long seed = 11;
    var random = new Random(seed);
    var truth = new Fit(20e-6, 1.0 / 3e9);
    var runs = new ArrayList<Fit.Run>();
    for (int i = 0; i < 12; i++) {
      double noise = 1 + 0.01 * random.nextGaussian();
      runs.add(run(random.nextDouble() * 1e-3, 100, 1e6 * (i + 1), truth, noise));
    }
    var fit = Fit.of(runs);
    assertEquals(truth.passLatency(), fit.passLatency(), 0.1 * truth.passLatency(), "seed " + seed);
    assertEquals(
        truth.secondsPerByte(), fit.secondsPerByte(), 0.1 * truth.secondsPerByte(), "seed " + seed);
  }

  @Test
  void neverSaysThatWorkTakesLessThanNoTime() {
    var fast = List.of(new Fit.Run(2, 10, 1e6, 1), new Fit.Run(3, 20, 5e6, 1));
    assertEquals(new Fit(0, 0), Fit.of(fast));
    // passes explain all of it, and more bytes take less: the bytes are left out
    var fit = Fit.of(List.of(new Fit.Run(0, 100, 1e6, 1), new Fit.Run(0, 100, 9e6, 0.9)));
    assertEquals(0, fit.secondsPerByte());
    assertTrue(fit.passLatency() > 0.0089 && fit.passLatency() < 0.0101, fit::toString);
  }

  @Test
  void runsThatTellNothingApartStillFit() {
    var runs = List.of(new Fit.Run(0, 100, 1e6, 1), new Fit.Run(0, 200, 2e6, 2));
    assertEquals(0, Fit.of(runs).error(runs), 1e-12);
  }
}
