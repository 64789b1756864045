package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class LogitsTest {

  @Test
  void argmaxIsTheLowestIndexOfTheLargest() {
    assertEquals(1, Logits.argmax(row(-3, 7, 2, 7), 0, 4));
    assertEquals(0, Logits.argmax(row(-3, 7), 0, 1));
    assertEquals(0, Logits.argmax(row(Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY), 0, 2));
    assertEquals(1, Logits.argmax(row(9, 1, 2), 4, 2), "counted from the offset");
  }

  @Test
  void topKIsTheHeadOfTheStablySortedRow() {
    try (var arena = Arena.ofConfined()) {
      var data = new RandomData(arena);
      for (int n = 1; n < 60; n++) {
        int[] levels = data.ints(n, 12); // few levels: many ties
        float[] values = new float[n];
        IntStream.range(0, n).forEach(i -> values[i] = levels[i]);
        int count = data.between(1, n + 1);
        int[] sorted =
            IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparing(i -> -values[i]))
                .limit(count)
                .mapToInt(i -> i)
                .toArray();
        int[] ids = new int[count];
        float[] largest = new float[count];
        Logits.topK(row(values), 0, n, count, ids, largest);
        assertArrayEquals(sorted, ids, data::toString);
        for (int i = 0; i < count; i++) {
          assertEquals(values[ids[i]], largest[i], data::toString);
        }
      }
    }
  }

  @Test
  void logSoftmaxOfEqualLogitsIsUniform() {
    var out = row(0, 0, 0, 0);
    Logits.logSoftmax(row(1e4f, 1e4f, 1e4f, 1e4f), 0, 4, out, 0);
    for (int i = 0; i < 4; i++) {
      assertEquals((float) -Math.log(4), out.get(Elements.F32, 4L * i));
    }
  }

  @Test
  void logSoftmaxKeepsImpossibleTokensImpossible() {
    var x = row(0, Float.NEGATIVE_INFINITY, 0);
    Logits.logSoftmax(x, 0, 3, x, 0);
    assertEquals((float) -Math.log(2), x.get(Elements.F32, 0));
    assertEquals(Float.NEGATIVE_INFINITY, x.get(Elements.F32, 4));
  }

  @Test
  void noTokenFollowsFromNaN() {
    var error =
        assertThrows(ArithmeticException.class, () -> Logits.argmax(row(1, Float.NaN), 0, 2));
    assertEquals("logit 1 is NaN", error.getMessage());
    assertThrows(
        ArithmeticException.class,
        () -> Logits.topK(row(1, Float.NaN), 0, 2, 1, new int[1], new float[1]));
    var hopeless = row(Float.NEGATIVE_INFINITY);
    assertThrows(ArithmeticException.class, () -> Logits.logNormaliser(hopeless, 0, 1));
  }

  @Test
  void askingForMoreThanThereIsIsRefused() {
    var x = row(1, 2);
    assertThrows(IndexOutOfBoundsException.class, () -> Logits.argmax(x, 0, 3));
    assertThrows(IllegalArgumentException.class, () -> Logits.argmax(x, 0, 0));
    assertThrows(
        IllegalArgumentException.class, () -> Logits.topK(x, 0, 2, 2, new int[1], new float[2]));
  }

  private static MemorySegment row(float... values) {
    var segment = Arena.ofAuto().allocate(4L * values.length, 4);
    MemorySegment.copy(values, 0, segment, Elements.F32, 0, values.length);
    return segment;
  }
}
