package dev.stowage.compiler.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class OccupancyTest {
  private static final int MOMENTS = 4000;

  @Test
  void workFillsTheGapsThatEarlierWorkLeftAndNothingElse() {
    for (long seed = 0; seed < 50; seed++) {
      var random = new Random(seed);
      var occupancy = new Occupancy();
      var busy = new boolean[MOMENTS];
      int forgotten = 0;
      double sum = 0;
      for (int i = 0; i < 200; i++) {
        int from = forgotten + random.nextInt(40);
        int length = 1 + random.nextInt(15);
        int end = fill(busy, from, length);
        sum += length;
        String at = "seed " + seed + ", work " + i;
        assertEquals(end, occupancy.add(from, length), 1e-9, at);
        assertTrue(occupancy.added().getFirst().start() >= from, at);
        if (random.nextInt(5) == 0) {
          forgotten += random.nextInt(30);
          occupancy.forget(forgotten);
        }
      }
      assertEquals(sum, occupancy.busySeconds(), 1e-9);
    }
  }

  /** The same second by second. */
  private static int fill(boolean[] busy, int from, int length) {
    int at = from;
    for (int left = length; left > 0; at++) {
      if (!busy[at]) {
        busy[at] = true;
        left--;
      }
    }
    return at;
  }
}
