package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RoundingTest {
  @Test
  void theLargestRemainderGetsTheUnitThatIsLeft() {
    assertArrayEquals(new int[] {4, 4, 2}, Rounding.units(new double[] {0.37, 0.41, 0.22}, 10));
    assertArrayEquals(new int[] {1, 0}, Rounding.units(new double[] {0.5, 0.5}, 1));
  }

  @Test
  void aShareUnderHalfAUnitGetsNone() {
    assertArrayEquals(new int[] {10, 0}, Rounding.units(new double[] {0.96, 0.04}, 10));
    assertArrayEquals(new int[] {0, 1, 0}, Rounding.units(new double[] {0.33, 0.34, 0.33}, 1));
  }

  @Test
  void unitsSumUpAndStayNearTheirShares() {
    for (long seed = 0; seed < 1000; seed++) {
      var random = new Random(seed);
      var shares = random.doubles(1 + random.nextInt(6)).toArray();
      double sum = Arrays.stream(shares).sum();
      int units = 1 + random.nextInt(500);
      for (int i = 0; i < shares.length; i++) {
        shares[i] /= sum;
      }
      var counts = Rounding.units(shares, units);
      assertEquals(units, Arrays.stream(counts).sum(), "seed " + seed);
      for (int i = 0; i < counts.length; i++) {
        assertTrue(
            Math.abs(counts[i] - shares[i] * units) <= 1 + 0.5 * shares.length,
            "seed " + seed + ": " + counts[i] + " for " + shares[i] * units);
      }
    }
  }
}
