package dev.stowage.runtime.sparse;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.stowage.plan.Sparsity;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SparseAttentionTest {
  private static final long SEED = 20_261_121;

  /** One head in arrays; queries of its group. */
  private record Case(int tokens, int d, int group, float[][] keys, float[][] values, float[] q)
      implements StoredHead {
    /** Independent normal numbers: attention's hardest, for nothing stands out. */
    static Case random(Random random, int tokens, int d, int group) {
      return new Case(
          tokens,
          d,
          group,
          rows(random, tokens, d),
          rows(random, tokens, d),
          rows(random, 1, group * d)[0]);
    }

    /**
     * Queries look along some keys, in a few strong channels; values follow their cluster: as in
     * trained models, some tokens matter and the rest blur.
     */
    static Case clustered(Random random, int tokens, int d, int group) {
      var plain = random(random, tokens, d, group);
      var strong = new float[d];
      for (int c = 0; c < d; c++) {
        strong[c] = random.nextInt(8) == 0 ? 3 : 0.3f;
      }
      for (int g = 0; g < group; g++) {
        for (int c = 0; c < d; c++) {
          plain.q[g * d + c] = strong[c] * (c % 2 == 0 ? 1 : -1);
        }
      }
      for (int t = 0; t < tokens; t++) {
        boolean near = t / 8 % 16 == 0;
        for (int c = 0; c < d; c++) {
          plain.keys[t][c] *= 0.3f;
          if (near) {
            plain.keys[t][c] += 0.5f * strong[c] * (c % 2 == 0 ? 1 : -1);
          }
        }
      }
      return plain;
    }

    private static float[][] rows(Random random, int count, int d) {
      var rows = new float[count][d];
      for (var row : rows) {
        for (int i = 0; i < d; i++) {
          row[i] = (float) random.nextGaussian();
        }
      }
      return rows;
    }

    Case part(int from, int to) {
      return new Case(
          to - from,
          d,
          group,
          List.of(keys).subList(from, to).toArray(float[][]::new),
          List.of(values).subList(from, to).toArray(float[][]::new),
          q);
    }

    @Override
    public int run(int from) {
      return 1 + from % 7;
    }

    @Override
    public void channel(int channel, int from, int to, float[] into) {
      for (int t = from; t < to; t++) {
        into[t - from] = keys[t][channel];
      }
    }

    @Override
    public void key(int token, float[] into) {
      System.arraycopy(keys[token], 0, into, 0, d);
    }

    @Override
    public void value(int token, float[] into) {
      System.arraycopy(values[token], 0, into, 0, d);
    }

    @Override
    public void valueSum(float[] into) {
      for (int c = 0; c < d; c++) {
        into[c] = 0;
        for (var value : values) {
          into[c] += value[c];
        }
      }
    }

    float scale() {
      return (float) (1 / Math.sqrt(d));
    }

    Result attend(Sparsity sparsity, int newer) {
      var o = new float[group * d];
      var state = new float[2 * group];
      new SparseAttention(sparsity, d, group, tokens, scale())
          .attend(this, tokens, newer, q, 0, o, 0, state, 0);
      var result = new Result(new double[group], new double[group], new double[group][d]);
      for (int g = 0; g < group; g++) {
        result.m[g] = state[2 * g];
        result.l[g] = state[2 * g + 1];
        for (int c = 0; c < d; c++) {
          result.o[g][c] = o[g * d + c];
        }
      }
      return result;
    }

    double[] scores(int g, List<Integer> channels, double factor) {
      return IntStream.range(0, tokens)
          .mapToDouble(
              t -> channels.stream().mapToDouble(c -> (double) q[g * d + c] * keys[t][c]).sum())
          .map(s -> s * factor)
          .toArray();
    }

    List<Integer> all(int count) {
      return IntStream.range(0, count).boxed().toList();
    }

    /** The definition, in doubles and lists. */
    Result defined(Sparsity sparsity, int newer) {
      int k = sparsity.tokensOf(tokens);
      var parts = new double[group];
      var chosen = all(tokens);
      if (k < tokens) {
        var channels =
            all(d).stream()
                .sorted(
                    Comparator.comparingDouble(
                        c ->
                            -IntStream.range(0, group)
                                .mapToDouble(g -> Math.abs(q[g * d + c]))
                                .sum()))
                .limit(sparsity.channels())
                .toList();
        var approximate = new double[group][];
        for (int g = 0; g < group; g++) {
          int at = g * d;
          double some = channels.stream().mapToDouble(c -> Math.abs(q[at + c])).sum();
          double size = all(d).stream().mapToDouble(c -> Math.abs(q[at + c])).sum();
          var s = scores(g, channels, 1 / Math.sqrt(d * some / size));
          double max = max(s);
          double sum = IntStream.range(0, tokens).mapToDouble(t -> Math.exp(s[t] - max)).sum();
          approximate[g] =
              IntStream.range(0, tokens).mapToDouble(t -> Math.exp(s[t] - max) / sum).toArray();
        }
        int recent = Math.max(0, k / 4 - newer);
        chosen =
            all(tokens).stream()
                .sorted(
                    Comparator.comparingDouble(
                        t ->
                            -(t >= tokens - recent ? 1e9 : 0)
                                - IntStream.range(0, group)
                                    .mapToDouble(g -> approximate[g][t])
                                    .sum()))
                .limit(k)
                .toList();
        for (int g = 0; g < group; g++) {
          var shares = approximate[g];
          parts[g] = chosen.stream().mapToDouble(t -> shares[t]).sum();
        }
      }
      var result = new Result(new double[group], new double[group], new double[group][d]);
      for (int g = 0; g < group; g++) {
        var s = scores(g, all(d), 1 / Math.sqrt(d));
        double m = chosen.stream().mapToDouble(t -> s[t]).max().orElseThrow();
        double l = chosen.stream().mapToDouble(t -> Math.exp(s[t] - m)).sum();
        double part = k < tokens ? parts[g] : 1;
        result.m[g] = m;
        result.l[g] = l / part;
        for (int c = 0; c < d; c++) {
          double mean = 0;
          for (var value : values) {
            mean += value[c] / (double) tokens;
          }
          result.o[g][c] = (l / part - l) * mean;
          for (int t : chosen) {
            result.o[g][c] += Math.exp(s[t] - m) * values[t][c];
          }
        }
      }
      return result;
    }

    private static double max(double[] numbers) {
      return java.util.Arrays.stream(numbers).max().orElseThrow();
    }
  }

  /** A partial result of every query head of a group. */
  private record Result(double[] m, double[] l, double[][] o) {
    double[] answer(int g) {
      return java.util.Arrays.stream(o[g]).map(x -> x / l[g]).toArray();
    }

    double mass(int g) {
      return l[g] * Math.exp(m[g]);
    }

    Result merge(Result other) {
      var sum = new Result(new double[m.length], new double[m.length], new double[m.length][]);
      for (int g = 0; g < m.length; g++) {
        double most = Math.max(m[g], other.m[g]);
        double mine = Math.exp(m[g] - most);
        double its = Math.exp(other.m[g] - most);
        sum.m[g] = most;
        sum.l[g] = l[g] * mine + other.l[g] * its;
        sum.o[g] = new double[o[g].length];
        for (int c = 0; c < o[g].length; c++) {
          sum.o[g][c] = o[g][c] * mine + other.o[g][c] * its;
        }
      }
      return sum;
    }

    double distance(Result other) {
      double sum = 0;
      for (int g = 0; g < m.length; g++) {
        var a = answer(g);
        var b = other.answer(g);
        for (int c = 0; c < a.length; c++) {
          sum += (a[c] - b[c]) * (a[c] - b[c]);
        }
      }
      return Math.sqrt(sum / m.length);
    }
  }

  private static final Sparsity NOTHING_LEFT_OUT = new Sparsity(1, 1);

  static Stream<Long> seeds() {
    return LongStream.range(0, 60).map(i -> SEED + i).boxed();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void isWhatItIsDefinedToBe(long seed) {
    var random = new Random(seed);
    int d = 1 + random.nextInt(40);
    int tokens = 1 + random.nextInt(90);
    var a = Case.random(random, tokens, d, 1 + random.nextInt(5));
    var sparsity = new Sparsity(1 + random.nextInt(d), 0.02 + 0.98 * random.nextDouble());
    int newer = random.nextInt(4);
    var got = a.attend(sparsity, newer);
    var expected = a.defined(sparsity, newer);
    String where = "seed %d: %s of %d tokens of %d".formatted(seed, sparsity, tokens, d);
    for (int g = 0; g < a.group; g++) {
      assertEquals(expected.m[g], got.m[g], 1e-4 * (1 + Math.abs(expected.m[g])), where);
      assertEquals(expected.l[g], got.l[g], 1e-4 * expected.l[g], where);
      assertArrayEquals(expected.o[g], got.o[g], 1e-4 * expected.l[g], where);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void regionsThatLeaveNothingOutMergeToDenseAttention(long seed) {
    var random = new Random(seed);
    int tokens = 2 + random.nextInt(100);
    var a = Case.random(random, tokens, 1 + random.nextInt(30), 1 + random.nextInt(4));
    int cut = 1 + random.nextInt(tokens - 1);
    var merged =
        a.part(0, cut)
            .attend(NOTHING_LEFT_OUT, tokens - cut)
            .merge(a.part(cut, tokens).attend(NOTHING_LEFT_OUT, 0));
    var dense = a.defined(NOTHING_LEFT_OUT, 0);
    assertTrue(merged.distance(dense) < 1e-5, () -> "seed " + seed);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void allChannelsKnowTheTrueMassHoweverFewTokensAreRead(long seed) {
    var random = new Random(seed);
    int d = 1 + random.nextInt(30);
    var a = Case.random(random, 1 + random.nextInt(100), d, 1 + random.nextInt(4));
    var sparse = a.attend(new Sparsity(d, 0.01 + 0.9 * random.nextDouble()), random.nextInt(3));
    var dense = a.defined(NOTHING_LEFT_OUT, 0);
    for (int g = 0; g < a.group; g++) {
      assertEquals(dense.mass(g), sparse.mass(g), 1e-4 * dense.mass(g), "seed " + seed);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void theOrderOfTokensDoesNotMatter(long seed) {
    var random = new Random(seed);
    int d = 2 + random.nextInt(30);
    int tokens = 20 + random.nextInt(80);
    var a = Case.random(random, tokens, d, 1 + random.nextInt(4));
    var order = new ArrayList<>(a.all(tokens));
    Collections.shuffle(order, random);
    var shuffled =
        new Case(
            tokens,
            d,
            a.group,
            order.stream().map(t -> a.keys[t]).toArray(float[][]::new),
            order.stream().map(t -> a.values[t]).toArray(float[][]::new),
            a.q);
    var sparsity = new Sparsity(1 + d / 4, 0.3);
    int newer = tokens; // so that none is kept for being recent
    assertTrue(
        a.attend(sparsity, newer).distance(shuffled.attend(sparsity, newer)) < 1e-4,
        () -> "seed " + seed);
  }

  @Test
  void theErrorFallsWithWhatIsRead() {
    var budgets = List.of(1 / 16.0, 1 / 8.0, 1 / 4.0, 1 / 2.0, 1.0);
    for (boolean clustered : new boolean[] {false, true}) {
      var errors = new ArrayList<Double>();
      for (double budget : budgets) {
        double error = 0;
        for (int i = 0; i < 20; i++) {
          var random = new Random(SEED + i);
          var a = clustered ? Case.clustered(random, 512, 64, 2) : Case.random(random, 512, 64, 2);
          var dense = a.defined(NOTHING_LEFT_OUT, 0);
          error += a.attend(Sparsity.ofBytes(budget, 64), 0).distance(dense) / 20;
        }
        errors.add(error);
      }
      String where =
          "seeds %d to %d, %s, budgets %s: errors %s"
              .formatted(SEED, SEED + 19, clustered ? "clustered" : "random", budgets, errors);
      System.out.println("sparse attention against dense: " + where);
      for (int i = 1; i < errors.size(); i++) {
        assertTrue(errors.get(i) < errors.get(i - 1), where);
      }
      double last = errors.getLast();
      assertTrue(last < errors.getFirst() / 2, where);
    }
  }

  @Test
  void equalsAreChosenFromTheFirstOn() {
    var chosen = new int[3];
    new TokenChoice().largest(new float[] {1, 2, 2, 0, 2, 2}, 6, 3, chosen);
    assertArrayEquals(new int[] {1, 2, 4}, chosen);
    new TokenChoice().largest(new float[] {0, 0, Float.NaN, 0}, 4, 3, chosen);
    assertArrayEquals(new int[] {0, 1, 2}, chosen);
  }

  @Test
  void aStepAllocatesNothing() {
    var random = new Random(SEED);
    var a = Case.random(random, 300, 32, 2);

    var attention = new SparseAttention(new Sparsity(4, 0.1), 32, 2, 300, a.scale());
    var o = new float[64];
    var state = new float[4];
    for (int i = 0; i < 2000; i++) {
      attention.attend(a, 300, 0, a.q, 0, o, 0, state, 0);
    }
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 1000; i++) {
      attention.attend(a, 300, 0, a.q, 0, o, 0, state, 0);
    }
    assertTrue(threads.getCurrentThreadAllocatedBytes() - before < 1000, "bytes of 1000 steps");
  }
}
