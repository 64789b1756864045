package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What products of few rows and of many must be on a device that takes both by kernels of their
 * own: as accurate as sums in F32, whatever the range of the operands, and the same bits whichever
 * kernel takes them. The data is random, its seed in every message.
 */
public abstract class ProductAgreement {
  private static final List<ElementType> TYPES =
      List.of(
          ElementType.F16,
          ElementType.BF16,
          ElementType.INT8,
          ElementType.INT4,
          ElementType.Q8_0,
          ElementType.Q4_0);

  private final Kernels reference = new ReferenceKernels();
  private Arena arena;
  private RandomData data;

  /** The implementation under test. */
  protected abstract Kernels kernels();

  @BeforeEach
  void openArena() {
    arena = Arena.ofShared();
    data = new RandomData(arena);
  }

  @AfterEach
  void closeArena() {
    arena.close();
  }

  /** Rows that a model could store: of block types with random codes and finite scales. */
  private MemorySegment weights(ElementType type, int offset, int rows, int k) {
    if (!type.wholeGroups()) {
      return data.rows(type, offset, rows, k, 0.5f);
    }
    long bytes = rows * type.rowBytes(k);
    var segment = arena.allocate(offset + bytes, 64);
    int block = (int) type.rowBytes(type.group());
    for (long at = 0; at < bytes; at++) {
      segment.set(ValueLayout.JAVA_BYTE, offset + at, (byte) data.between(-128, 128));
    }
    for (long at = 0; at < bytes; at += block) {
      short scale = Float.floatToFloat16(data.between(-100, 100) * 1e-4f);
      segment.set(ValueLayout.JAVA_BYTE, offset + at, (byte) scale);
      segment.set(ValueLayout.JAVA_BYTE, offset + at + 1, (byte) (scale >> 8));
    }
    return segment;
  }

  private MemorySegment product(
      Kernels by, MemorySegment x, ElementType type, MemorySegment w, int offset, int[] shape) {
    int rows = shape[0];
    int k = shape[1];
    int n = shape[2];
    var out = arena.allocate(4L * rows * n, 64);
    var bias = arena.allocate(4L * n, 64);
    for (int i = 0; i < n; i++) {
      bias.set(ValueLayout.JAVA_FLOAT, 4L * i, i);
    }
    by.matmul(x, 0, 4L * k, w, offset, type, bias, 0, out, 0, 4L * n, rows, k, 0, n);
    return out;
  }

  @Test
  void manyRowsAgreeWithTheReferenceAndGiveTheBitsOfFew() {
    for (var type : TYPES) {
      for (int[] shape :
          new int[][] {{33, 32, 1}, {65, 96, 129}, {40, 544, 31}, {70, 1056, 45}, {64, 64, 128}}) {
        for (int offset : new int[] {0, 2}) { // aligned, so that copies are asynchronous, and not
          int rows = shape[0];
          int k = type.wholeGroups() ? shape[1] : shape[1] - data.between(0, 20);
          int n = shape[2];
          String what =
              "%s, %d x %d x %d, at %d (%s)".formatted(type, rows, k, n, offset, data.toString());
          var x = data.floats((long) rows * k);
          var w = weights(type, offset, n, k);
          int[] cut = {rows, k, n};
          var expected = product(reference, x, type, w, offset, cut);
          var actual = product(kernels(), x, type, w, offset, cut);
          assertClose(what, expected, actual, 4e-6 * (1 + k / 64.0) * (Math.sqrt(k) + 3));
          int[] few = {data.between(1, 32), k, n};
          long bytes = 4L * few[0] * n;
          var fewer = product(kernels(), x, type, w, offset, few);
          assertEquals(
              -1, actual.asSlice(0, bytes).mismatch(fewer), what + ", " + few[0] + " rows");
        }
      }
    }
  }

  @Test
  void rowsOfAnyMagnitudeKeepTheirAccuracy() {
    int k = 200;
    int n = 20;
    float[] magnitudes = {1e-30f, 1e-8f, 3e-3f, 1, 7e4f, 1e12f, 1e30f, 0};
    for (int rows : new int[] {8, 40}) {
      for (var type : List.of(ElementType.F16, ElementType.BF16, ElementType.INT4)) {
        var x = data.floats((long) rows * k);
        for (int r = 0; r < rows; r++) {
          for (int i = 0; i < k; i++) {
            long at = 4L * (r * k + i);
            x.set(
                ValueLayout.JAVA_FLOAT,
                at,
                x.get(ValueLayout.JAVA_FLOAT, at) * magnitudes[r % magnitudes.length]);
          }
        }
        var w = data.rows(type, 0, n, k, 0.5f);
        var expected = arena.allocate(4L * rows * n, 64);
        var actual = arena.allocate(4L * rows * n, 64);
        for (var by : new Kernels[] {reference, kernels()}) {
          var out = by == reference ? expected : actual;
          by.matmul(x, 0, 4L * k, w, 0, type, null, 0, out, 0, 4L * n, rows, k, 0, n);
        }
        for (int r = 0; r < rows; r++) {
          assertClose(
              "%s, %d rows, those of %g (%s)"
                  .formatted(type, rows, magnitudes[r % magnitudes.length], data),
              expected.asSlice(4L * r * n, 4L * n),
              actual.asSlice(4L * r * n, 4L * n),
              2e-5 * Math.sqrt(k) * magnitudes[r % magnitudes.length]);
        }
      }
    }
  }

  @Test
  void whatIsNoNumberStaysSoInItsRowAlone() {
    int k = 130;
    int n = 5;
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      for (int rows : new int[] {2, 34}) {
        var x = data.floats((long) rows * k);
        x.set(ValueLayout.JAVA_FLOAT, 4L * 70, value);
        var w = data.rows(ElementType.F16, 0, n, k, 0.5f);
        var out = product(kernels(), x, ElementType.F16, w, 0, new int[] {rows, k, n});
        for (int i = 0; i < rows * n; i++) {
          float number = out.get(ValueLayout.JAVA_FLOAT, 4L * i);
          assertEquals(i >= n, Float.isFinite(number), i + ": " + number + " (" + data + ")");
        }
      }
    }
  }

  private static void assertClose(
      String what, MemorySegment expected, MemorySegment actual, double tolerance) {
    for (long at = 0; at < expected.byteSize(); at += 4) {
      double e = expected.get(ValueLayout.JAVA_FLOAT, at);
      double a = actual.get(ValueLayout.JAVA_FLOAT, at);
      long element = at / 4;
      assertTrue(
          Math.abs(e - a) <= tolerance,
          () -> "%s: element %d is %s, expected %s".formatted(what, element, a, e));
    }
  }
}
