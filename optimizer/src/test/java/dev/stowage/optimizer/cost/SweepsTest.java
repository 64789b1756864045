package dev.stowage.optimizer.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SweepsTest {
  @Test
  void theClosedFormEqualsTheSum() {
    for (long seed = 0; seed < 500; seed++) {
      var random = new Random(seed);
      int first = random.nextInt(40);
      int count = random.nextInt(40);
      int from = random.nextInt(60);
      int to = from + random.nextInt(40);
      double sum = 0;
      for (int x = first; x < first + count; x++) {
        sum += Math.min(Math.max(x - from, 0), to - from);
      }
      assertEquals(sum, Sweeps.sumOfClipped(first, count, from, to), "seed " + seed);
    }
  }
}
