package dev.stowage.runtime.kernel.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.KernelAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.util.List;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

final class VectorKernelsTest extends KernelAgreement {
  private static WorkerPool pool;
  private static Kernels kernels;

  @BeforeAll
  static void openPool() {
    pool = new WorkerPool(3);
    kernels = VectorKernels.portable(pool);
  }

  @AfterAll
  static void closePool() {
    pool.close();
  }

  @Override
  protected Kernels kernels() {
    return kernels;
  }

  @Test
  void linearLayerGivesTheSameBitsOnAnyNumberOfThreads() {
    int k = 263;
    int n = 301;
    for (ElementType type : ElementType.single()) {
      for (int rows : new int[] {1, 5}) {
        var x = data.floats((long) rows * k);
        var w = data.numbers(type, 0, (long) n * k, 1);
        var expected = data.floats((long) rows * n);
        kernels.matmul(x, 0, 4L * k, w, 0, type, null, 0, expected, 0, 4L * n, rows, k, 0, n);
        for (int threads : new int[] {1, 2, 5}) {
          try (var other = new WorkerPool(threads)) {
            var actual = data.floats((long) rows * n);
            VectorKernels.portable(other)
                .matmul(x, 0, 4L * k, w, 0, type, null, 0, actual, 0, 4L * n, rows, k, 0, n);
            assertSameBits(type + " on " + threads + " threads", expected, actual);
          }
        }
      }
    }
  }

  @Test
  void linearLayerGivesTheSameBitsWhetherActivationsFitOneBlock() {
    int k = 210_001; // rows that are copied at a time: 2^22 / k = 19
    int rows = 21;
    var x = data.floats((long) rows * k);
    var w = data.numbers(ElementType.BF16, 0, 3L * k, 1);
    var whole = data.floats(3L * rows);
    kernels.matmul(x, 0, 4L * k, w, 0, ElementType.BF16, null, 0, whole, 0, 12, rows, k, 0, 3);
    var single = data.floats(3L * rows);
    for (int r = 0; r < rows; r++) {
      kernels.matmul(
          x, 4L * r * k, 4L * k, w, 0, ElementType.BF16, null, 0, single, 12L * r, 12, 1, k, 0, 3);
    }
    assertSameBits("21 rows", single, whole);
  }

  @Test
  void linearLayerGivesTheSameBitsInRowsThatShareAPanelAsInFew() {
    int n = 50;
    int rows = 131;
    for (int k : new int[] {1090, 1088}) { // groups that are cut, and whole ones
      for (ElementType type :
          List.of(
              ElementType.F32,
              ElementType.F16,
              ElementType.BF16,
              ElementType.INT8,
              ElementType.INT4)) {
        var x = data.floats((long) rows * k);
        var w = data.rows(type, 0, n, k, 0.5f);
        var whole = data.floats((long) rows * n);
        kernels.matmul(x, 0, 4L * k, w, 0, type, null, 0, whole, 0, 4L * n, rows, k, 0, n);
        var few = data.floats((long) rows * n);
        int together;
        for (int r = 0; r < rows; r += together) {
          together = Math.min(rows - r, data.between(1, 22)); // eights, and what is left over
          kernels.matmul(
              x,
              4L * r * k,
              4L * k,
              w,
              0,
              type,
              null,
              0,
              few,
              4L * r * n,
              4L * n,
              together,
              k,
              0,
              n);
        }
        assertSameBits("131 rows of " + type + ", k " + k, few, whole);
      }
    }
  }

  @Test
  void aWeightThatIsNotFiniteChangesNoBitOfOtherOutputs() {
    int k = 2100; // more than is read ahead at a time
    int n = 600; // several pieces of more than one stack
    for (int rows : new int[] {1, 4, 20}) {
      var x = data.floats((long) rows * k);
      var w = data.rows(ElementType.F16, 0, n, k, 0.5f);
      var plain = data.floats((long) rows * n);
      kernels.matmul(x, 0, 4L * k, w, 0, ElementType.F16, null, 0, plain, 0, 4L * n, rows, k, 0, n);
      for (int o = 0; o < n; o += 5) {
        int at = o * 419 % k;
        Elements.set(ElementType.F16, w, 2L * (o * k + at), Float.POSITIVE_INFINITY);
      }
      var out = data.floats((long) rows * n);
      kernels.matmul(x, 0, 4L * k, w, 0, ElementType.F16, null, 0, out, 0, 4L * n, rows, k, 0, n);
      for (int i = 0; i < rows * n; i++) {
        float actual = out.get(Elements.F32, 4L * i);
        String where = "%d rows, number %d (%s)".formatted(rows, i, data);
        if (i % n % 5 == 0) {
          assertFalse(Float.isFinite(actual), where);
        } else {
          assertEquals(plain.get(Elements.F32, 4L * i), actual, where);
        }
      }
    }
  }

  @Test
  void lanesAreSummedByHalves() {
    float[] lanes = new float[Lanes.LANES];
    IntStream.range(0, lanes.length).forEach(i -> lanes[i] = (float) Math.pow(-3.1, i));
    float[] folded = lanes.clone();
    for (int half = lanes.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        folded[i] += folded[i + half];
      }
    }
    assertEquals(folded[0], Lanes.sum(FloatVector.fromArray(Lanes.F, lanes, 0)));
  }

  @Test
  void exponentialIsWithinTwoUnitsInTheLastPlaceAndTheSameInBothForms() {
    float[] x = new float[Lanes.LANES];
    float[] vector = new float[Lanes.LANES];
    for (int step = -110_000; step < 110_000; step += Lanes.LANES) {
      for (int i = 0; i < x.length; i++) {
        x[i] = (step + i) * 0.001f;
      }
      Exp.of(FloatVector.fromArray(Lanes.F, x, 0)).intoArray(vector, 0);
      for (int i = 0; i < x.length; i++) {
        assertEquals(Exp.of(x[i]), vector[i], "both forms of exp of " + x[i]);
        double exact = Math.exp(x[i]);
        if (x[i] > -87 && x[i] < 88) {
          assertEquals(exact, vector[i], 2 * Math.ulp((float) exact), "exp of " + x[i]);
        }
      }
    }
    assertEquals(0f, Exp.of(Float.NEGATIVE_INFINITY));
    assertEquals(Float.POSITIVE_INFINITY, Exp.of(Float.POSITIVE_INFINITY));
    assertEquals(1f, Exp.of(0f));
    assertEquals(Float.NaN, Exp.of(Float.NaN));
  }
}
