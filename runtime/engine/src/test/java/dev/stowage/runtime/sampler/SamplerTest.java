package dev.stowage.runtime.sampler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final int STEPS = 200_000;

  @Test
  void greedilyTakesTheLargestLogitAndTheLowestIdOfEquals() {
    var sampler = new Sampler(Sampling.GREEDY, 5);

    assertEquals(2, sampler.choose(logits(-1, 3, 7, 7, Float.NEGATIVE_INFINITY), 0, 0, 0));
    assertEquals(0, sampler.choose(logits(0, 0, 0, 0, -0f), 0, 0, 0));
    assertEquals(1, sampler.choose(logits(9, 9, -9, -2, -3, -4, -5), 8, 0, 0));
  }

  @Test
  void drawsInProportionToTheSoftmax() {
    double[] shares = shares(new Sampling(1, 0, 1, 1), log(0.1), log(0.2), log(0.3), log(0.4));

    assertShares(shares, 0.1, 0.2, 0.3, 0.4);
  }

  @Test
  void sharpensWithLowTemperature() {
    double[] shares = shares(new Sampling(0.5, 0, 1, 2), log(0.2), log(0.8));

    assertShares(shares, 0.04 / 0.68, 0.64 / 0.68);
  }

  @Test
  void keepsTheTopK() {
    double[] shares = shares(new Sampling(1, 2, 1, 3), log(0.1), log(0.4), log(0.2), log(0.3));

    assertShares(shares, 0, 4 / 7.0, 0, 3 / 7.0);
  }

  @Test
  void keepsTheFewestTokensThatReachTopP() {
    float[] logits = {log(0.1), log(0.4), log(0.2), log(0.3)};

    assertShares(shares(new Sampling(1, 0, 0.69, 4), logits), 0, 4 / 7.0, 0, 3 / 7.0);
    assertShares(shares(new Sampling(1, 0, 0.71, 5), logits), 0, 4 / 9.0, 2 / 9.0, 3 / 9.0);
    assertShares(shares(new Sampling(1, 0, 1e-9, 6), logits), 0, 1, 0, 0);
  }

  @Test
  void measuresTopPWithinTheTopK() {
    float[] logits = {log(0.1), log(0.4), log(0.2), log(0.3)};

    assertShares(shares(new Sampling(1, 2, 0.56, 7), logits), 0, 1, 0, 0);
    assertShares(shares(new Sampling(1, 2, 0.58, 8), logits), 0, 4 / 7.0, 0, 3 / 7.0);
  }

  @Test
  void prefersTheLowerIdAmongEqualsWhenCutting() {
    var sampler = new Sampler(new Sampling(1, 3, 1, 9), 8);
    var equal = logits(1, 1, 1, 1, 1, 1, 1, 1);
    var drawn = new TreeSet<Integer>();
    for (int step = 0; step < 1000; step++) {
      drawn.add(sampler.choose(equal, 0, 0, step));
    }

    assertEquals("[0, 1, 2]", drawn.toString());
  }

  @Test
  void cutsOnlyWhatIsUnlikely() {
    long seed = 11;
    var random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      int n = 1 + random.nextInt(60);
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = (float) random.nextGaussian() * 4;
      }
      int k = random.nextInt(n + 3);
      double p = 1 - random.nextDouble() * 0.999;
      double temperature = 0.1 + random.nextDouble() * 2;
      int[] order =
          IntStream.range(0, n)
              .boxed()
              .sorted((a, b) -> Float.compare(values[b], values[a]))
              .mapToInt(Integer::intValue)
              .toArray();
      int limit = k == 0 ? n : Math.min(k, n);
      double mass = 0;
      for (int i = 0; i < limit; i++) {
        mass += Math.exp((values[order[i]] - values[order[0]]) / temperature);
      }
      var allowed = new TreeSet<Integer>();
      double sum = 0;
      for (int i = 0; i < limit && (i == 0 || sum < p * mass + 1e-9); i++) {
        sum += Math.exp((values[order[i]] - values[order[0]]) / temperature);
        allowed.add(order[i]);
      }
      var sampler = new Sampler(new Sampling(temperature, k, p, seed), n);
      for (int step = 0; step < 50; step++) {
        int token = sampler.choose(logits(values), 0, round, step);
        assertTrue(
            allowed.contains(token),
            "seed %d, round %d: %d is not of %s".formatted(seed, round, token, allowed));
      }
    }
  }

  @Test
  void drawsTheSameWhateverWasDrawnBefore() {
    var sampling = new Sampling(1, 0, 0.9, 42);
    float[] values = new float[50];
    var logits = logits(values);
    var one = new Sampler(sampling, 50);
    var other = new Sampler(sampling, 50);
    for (int step = 0; step < 100; step++) {
      other.choose(logits, 0, 3, step);
      assertEquals(one.choose(logits, 0, 5, step), other.choose(logits, 0, 5, step));
    }
  }

  @Test
  void drawsDifferentlyForEverySeedAndRequest() {
    var logits = logits(new float[1000]);
    assertNotEquals(drawn(logits, 1, 0), drawn(logits, 2, 0));
    assertNotEquals(drawn(logits, 1, 0), drawn(logits, 1, 1));
    assertEquals(drawn(logits, 1, 1), drawn(logits, 1, 1));
  }

  @Test
  void refusesLogitsThatAreNoNumbers() {
    var sampler = new Sampler(Sampling.GREEDY, 3);
    float infinity = Float.POSITIVE_INFINITY;

    assertThrows(ArithmeticException.class, () -> sampler.choose(logits(1, Float.NaN, 2), 0, 0, 0));
    assertThrows(ArithmeticException.class, () -> sampler.choose(logits(1, infinity, 2), 0, 0, 0));
    assertThrows(
        ArithmeticException.class,
        () -> sampler.choose(logits(-infinity, -infinity, -infinity), 0, 0, 0));
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> new Sampling(-1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(Double.NaN, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, -1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1.1, 0));
  }

  @Test
  void choosesWithoutAllocating() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    float[] values = new float[300];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 17;
    }
    var logits = MemorySegment.ofArray(values);
    for (var sampling :
        new Sampling[] {
          Sampling.GREEDY,
          new Sampling(1, 0, 1, 0),
          new Sampling(1, 40, 0.9, 0),
          new Sampling(1, 0, 0.9, 0)
        }) {
      var sampler = new Sampler(sampling, values.length);
      int sum = chooseTimes(sampler, logits, 20_000);
      long before = threads.getCurrentThreadAllocatedBytes();
      sum += chooseTimes(sampler, logits, 1000);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;

      assertTrue(sum > 0);
      assertTrue(
          allocated < 1000, "%s: 1000 choices allocated %d bytes".formatted(sampling, allocated));
    }
  }

  private static int chooseTimes(Sampler sampler, MemorySegment logits, int times) {
    int sum = 0;
    for (int step = 0; step < times; step++) {
      sum += sampler.choose(logits, 0, 1, step);
    }
    return sum;
  }

  private static String drawn(MemorySegment logits, long seed, long request) {
    var sampler = new Sampler(new Sampling(1, 0, 1, seed), 1000);
    var tokens = new StringBuilder();
    for (int step = 0; step < 20; step++) {
      tokens.append(sampler.choose(logits, 0, request, step)).append(' ');
    }
    return tokens.toString();
  }

  private static double[] shares(Sampling sampling, float... logits) {
    var sampler = new Sampler(sampling, logits.length);
    double[] shares = new double[logits.length];
    for (int step = 0; step < STEPS; step++) {
      shares[sampler.choose(logits(logits), 0, 0, step)] += 1.0 / STEPS;
    }
    return shares;
  }

  private static void assertShares(double[] shares, double... expected) {
    for (int i = 0; i < expected.length; i++) {
      double tolerance = 5 * Math.sqrt(expected[i] * (1 - expected[i]) / STEPS) + 1e-9;
      assertEquals(expected[i], shares[i], tolerance, "token " + i);
    }
  }

  private static float log(double probability) {
    return (float) Math.log(probability);
  }

  private static MemorySegment logits(float... values) {
    return MemorySegment.ofArray(values);
  }
}
