package dev.stowage.runtime.kernel.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is hard to round has the same bits as without vectors. */
final class NarrowTest {
  private static final float[] SPECIAL = {
    0f,
    -0f,
    Float.NaN,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.MIN_VALUE,
    -Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    65504f,
    65519.99f,
    65520f,
    -65520f,
    0x1p-24f,
    0x1p-25f,
    0x1.8p-25f,
    Float.intBitsToFloat(0x7f800001),
    Float.intBitsToFloat(0xffc12345)
  };

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void everyNumberOfSixteenBitsItsNeighboursAndTheTiesBetween(ElementType type) {
    int[] steps = {-1, 0, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001};
    var numbers = new float[steps.length << 16];
    for (int i = 0; i < 1 << 16; i++) {
      float number =
          type == ElementType.F16
              ? Float.float16ToFloat((short) i)
              : Elements.bf16ToFloat((short) i);
      for (int j = 0; j < steps.length; j++) {
        int bits = Float.floatToRawIntBits(number) + steps[j];
        numbers[i * steps.length + j] = Float.intBitsToFloat(bits);
      }
    }
    assertAgrees(type, numbers, numbers.length);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "INT8", "INT4"})
  void specialNumbersAnywhereInRowsOfAnyWidth(ElementType type) {
    var random = new Random(1);
    for (int width : new int[] {1, 7, 63, 64, 65, 128, 200, 256, 300}) {
      for (float special : SPECIAL) {
        var numbers = new float[width];
        float scale = Math.scalb(1f, random.nextInt(-30, 17));
        for (int i = 0; i < width; i++) {
          numbers[i] = scale * (float) random.nextGaussian();
        }
        numbers[random.nextInt(width)] = special;
        assertAgrees(type, numbers, width);
      }
    }
  }

  @Test
  void groupsOfOneNumberAndOfTiesBetweenCodes() {
    var numbers = new float[192];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = i < 64 ? -0f : i < 128 ? 0.1f : (i - 128) * 2.5f; // a step of 157.5 / 255
    }
    assertAgrees(ElementType.INT8, numbers, numbers.length);
    numbers[5] = 0f;
    numbers[190] = 127.5f;
    assertAgrees(ElementType.INT8, numbers, numbers.length);
  }

  private static void assertAgrees(ElementType type, float[] numbers, int width) {
    try (var arena = Arena.ofConfined();
        var pool = new WorkerPool(1)) {
      var x = arena.allocate(4L * width + 4, 4);
      MemorySegment.copy(numbers, 0, x, Elements.F32, 4, width);
      long bytes = type.rowBytes(width);
      var expected = arena.allocate(bytes + 2);
      var actual = arena.allocate(bytes + 2);
      new ReferenceKernels().narrow(x, 4, 0, expected, 1, 0, type, 1, width);
      new VectorKernels(pool).narrow(x, 4, 0, actual, 1, 0, type, 1, width);
      assertEquals(-1, expected.mismatch(actual), "first different byte of " + width + " numbers");
      if (type.quantized()) {
        new ReferenceKernels().quantize(x, 4, 0, expected, 1, 0, type, 1, width);
        new VectorKernels(pool).quantize(x, 4, 0, actual, 1, 0, type, 1, width);
        assertEquals(-1, expected.mismatch(actual), "sought for long, of " + width + " numbers");
      }
    }
  }
}
