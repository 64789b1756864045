package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of numbers that are stored in groups. */
class QuantizedTest {
  private static final List<ElementType> TYPES = List.of(ElementType.INT8, ElementType.INT4);

  private final long seed = Long.getLong("stowage.test.seed", System.nanoTime());
  private final Random random = new Random(seed);

  /**
   * Codes kept in files are used again by whoever has the same {@link Quantized#VERSION}: one that
   * gives other codes needs another version, and its own sum here.
   */
  @Test
  void theVersionStandsForTheCodes() {
    var sums = new ArrayList<String>();
    for (var search : CodeSearch.values()) {
      var drawn = new Random(7);
      var sum = new CRC32C();
      for (var type : TYPES) {
        var numbers = new float[1000];
        for (int i = 0; i < numbers.length; i++) {
          numbers[i] = (float) (drawn.nextInt(2001) - 1000) * (drawn.nextInt(9) + 1) / 4096;
        }
        sum.update(encoded(type, search, numbers).asByteBuffer());
      }
      sums.add("%s %08x".formatted(search, sum.getValue()));
    }
    assertEquals(
        "version 3: [QUICK d4af18a0, THOROUGH 4a0644cb]",
        "version %d: %s".formatted(Quantized.VERSION, sums));
  }

  @Test
  void everyNumberThatItsCodesReachIsOffByHalfAStepAtMost() {
    for (var type : TYPES) {
      for (int width = 1; width <= 200; width++) {
        // from numbers as small as F16 has them to the largest that are summed
        float size = (float) Math.pow(2, random.nextInt(-14, 15));
        float mean = random.nextBoolean() ? 0 : size * (random.nextFloat() - 0.5f);
        var numbers = new float[width];
        for (int i = 0; i < width; i++) {
          numbers[i] = mean + size * (random.nextFloat() - 0.5f);
        }
        var row = encoded(type, numbers);
        assertTrue(Quantized.finite(type, row, 0, width));
        for (int i = 0; i < width; i++) {
          long group = Quantized.group(type, 0, i / 64 * 64);
          float step = Quantized.scale(row, group);
          float least = Quantized.min(row, group);
          float most = Math.fma(15, step, least);
          boolean outside = type == ElementType.INT4 && (numbers[i] < least || numbers[i] > most);
          float nearest = numbers[i] < least ? least : most;
          float restored = Quantized.get(type, row, 0, width, i);
          float off = Math.abs(restored - numbers[i]);
          int number = i;
          assertTrue(
              outside && restored == nearest
                  || off <= 0.5001f * step
                  || step == 0 && off <= Math.max(Math.abs(numbers[i]) * 0x1p-11f, 0x1p-25f),
              () ->
                  "seed %d: %s, number %d, %s, is off by %s; the step is %s"
                      .formatted(seed, type, number, numbers[number], off, step));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void fourBitsCostLessThanCodesThatReachOverAllNumbers(CodeSearch search) {
    double least = 0;
    double plain = 0;
    for (int round = 0; round < 500; round++) {
      var numbers = new float[64];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) random.nextGaussian();
      }
      double own = 0;
      double reaching = 0;
      var row = encoded(ElementType.INT4, search, numbers);
      float low = numbers[0];
      float high = numbers[0];
      for (float number : numbers) {
        low = Math.min(low, number);
        high = Math.max(high, number);
      }
      float step = (high - low) / 15;
      for (int i = 0; i < numbers.length; i++) {
        own += search.cost(Quantized.get(ElementType.INT4, row, 0, 64, i) - numbers[i]);
        reaching += search.cost(low + step * Math.round((numbers[i] - low) / step) - numbers[i]);
      }
      assertTrue(own <= 1.01 * reaching, "seed " + seed); // the other's min and scale are no F16
      least += own;
      plain += reaching;
    }
    double most = search == CodeSearch.QUICK ? 0.87 : 0.86;
    assertTrue(least < most * plain, "seed " + seed + ": " + least / plain);
  }

  @Test
  void aLongerSearchFindsCodesThatCostLess() {
    double quick = 0;
    double thorough = 0;
    for (int round = 0; round < 200; round++) {
      var numbers = new float[64];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) random.nextGaussian();
      }
      var one = encoded(ElementType.INT4, CodeSearch.QUICK, numbers);
      var other = encoded(ElementType.INT4, CodeSearch.THOROUGH, numbers);
      for (int i = 0; i < numbers.length; i++) {
        float off = Quantized.get(ElementType.INT4, one, 0, 64, i) - numbers[i];
        quick += CodeSearch.THOROUGH.cost(off);
        off = Quantized.get(ElementType.INT4, other, 0, 64, i) - numbers[i];
        thorough += CodeSearch.THOROUGH.cost(off);
      }
    }
    assertTrue(thorough < 0.99 * quick, "seed " + seed + ": " + thorough / quick);
  }

  @Test
  void equalNumbersStayWhatTheyAre() {
    for (var type : TYPES) {
      for (float value : new float[] {0, 1.5f, -65504, 65504, 0x1p-24f}) {
        var numbers = new float[65];
        Arrays.fill(numbers, value);
        var row = encoded(type, numbers);
        for (int i = 0; i < numbers.length; i++) {
          assertEquals(value, Quantized.get(type, row, 0, 65, i), type + " " + value);
        }
        assertEquals(0, Quantized.scale(row, 0));
      }
    }
  }

  @Test
  void codesLieWhereTheFormatSays() {
    float[] five = {0, 1, 2, 14, 15};
    var row = encoded(ElementType.INT4, five); // scale 1, min 0; codes 0 1 2 | 14 15
    assertEquals(ElementType.INT4.rowBytes(5), row.byteSize());
    byte[] expected = {0x00, 0x3c, 0, 0, (byte) 0xe0, (byte) 0xf1, 0x02};
    assertEquals(hex(expected), hex(bytes(row)));
    float[] three = {-1, 0, 254};
    byte[] eight = {0x00, 0x3c, 0x00, (byte) 0xbc, 0, 1, (byte) 255};
    assertEquals(hex(eight), hex(bytes(encoded(ElementType.INT8, three))));
  }

  @Test
  void aGroupWithANumberThatHasNoCodeIsNotANumberAndItsNeighboursAreUnharmed() {
    for (var type : TYPES) {
      for (float bad :
          new float[] {
            Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 65536, -70000, 3e38f
          }) {
        var numbers = new float[130];
        for (int i = 0; i < numbers.length; i++) {
          numbers[i] = random.nextFloat();
        }
        numbers[64 + random.nextInt(64)] = bad;
        var row = encoded(type, numbers);
        assertFalse(Quantized.finite(type, row, 0, 130), type + " " + bad);
        for (int i = 0; i < 130; i++) {
          boolean spoilt = i / 64 == 1;
          assertEquals(
              spoilt,
              Float.isNaN(Quantized.get(type, row, 0, 130, i)),
              "seed %d: %s, %s, number %d".formatted(seed, type, bad, i));
        }
      }
    }
  }

  @Test
  void bothWaysOfReadingARowReadWhatSingleNumbersAre() {
    for (var type : TYPES) {
      for (int width : new int[] {1, 2, 63, 64, 65, 129, 191}) {
        var numbers = new float[width];
        for (int i = 0; i < width; i++) {
          numbers[i] = (float) random.nextGaussian();
        }
        var row = encoded(type, numbers);
        var array = new float[width];
        Quantized.decode(type, row, 0, width, array, 0);
        var segment = MemorySegment.ofArray(new float[width]);
        Quantized.decode(type, row, 0, width, segment, 0);
        for (int i = 0; i < width; i++) {
          float expected = Quantized.get(type, row, 0, width, i);
          assertEquals(expected, array[i], "seed " + seed);
          assertEquals(expected, segment.get(Elements.F32, 4L * i), "seed " + seed);
        }
      }
    }
  }

  private MemorySegment encoded(ElementType type, float[] numbers) {
    return encoded(type, random.nextBoolean() ? CodeSearch.QUICK : CodeSearch.THOROUGH, numbers);
  }

  private static MemorySegment encoded(ElementType type, CodeSearch search, float[] numbers) {
    var row = MemorySegment.ofArray(new byte[(int) type.rowBytes(numbers.length)]);
    Quantized.encode(type, search, MemorySegment.ofArray(numbers), 0, numbers.length, row, 0);
    return row;
  }

  private static byte[] bytes(MemorySegment row) {
    return row.toArray(ValueLayout.JAVA_BYTE);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
