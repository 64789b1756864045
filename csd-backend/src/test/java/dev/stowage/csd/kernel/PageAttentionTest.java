package dev.stowage.csd.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.csd.kernel.vector.VectorPageAttention;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PageAttentionTest {
  private static final int[] WIDTHS = {1, 2, 3, 5, 8, 13, 16, 31, 64, 100, 128};

  static Stream<Arguments> kernels() {
    return Stream.of(new ScalarPageAttention(), new VectorPageAttention())
        .flatMap(kernel -> Arrays.stream(WIDTHS).mapToObj(d -> Arguments.of(kernel, d)));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void pageByPageEqualsAllAtOnce(PageAttention kernel, int d) {
    var random = new Random(d);
    int tokens = 57;
    float scale = 0.7f / d;
    float[] q = numbers(random, d, 3);
    float[] k = numbers(random, tokens * d, 3);
    float[] v = numbers(random, tokens * d, 1);
    float[] o = new float[d + 2];
    float[] state = {0, 0, Float.NEGATIVE_INFINITY, 0};
    float[] scores = new float[tokens];
    for (int from = 0; from < tokens; ) {
      int to = Math.min(tokens, from + 1 + random.nextInt(9));
      kernel.add(q, 0, k, v, from, to, d, scale, scores, o, 2, state, 2);
      from = to;
    }

    double[] s = new double[tokens];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < d; i++) {
        s[t] += (double) scale * q[i] * k[t * d + i];
      }
    }
    double m = Arrays.stream(s).max().orElseThrow();
    double l = 0;
    double[] expected = new double[d];
    for (int t = 0; t < tokens; t++) {
      l += Math.exp(s[t] - m);
      for (int i = 0; i < d; i++) {
        expected[i] += Math.exp(s[t] - m) * v[t * d + i];
      }
    }
    assertEquals(m, state[2], 1e-4);
    assertEquals(l, state[3], 1e-4 * l);
    for (int i = 0; i < d; i++) {
      assertEquals(expected[i], o[2 + i], 1e-4 * l);
    }
    assertEquals(0, o[0] + o[1] + state[0] + state[1], "what lies beside is left alone");
  }

  private static float[] numbers(Random random, int count, float size) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = size * (float) random.nextGaussian();
    }
    return numbers;
  }
}
