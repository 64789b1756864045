package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Machine code computes what the definition of a linear layer says, and rows have the same bits
 * alone and together.
 */
class ProductsTest {
  private static final long SEED = 20_261_122;

  static List<Arguments> widthsAndTypes() {
    return Arrays.stream(Width.values())
        .flatMap(width -> types().stream().map(type -> Arguments.of(width, type)))
        .toList();
  }

  private static List<ElementType> types() {
    return Arrays.stream(ElementType.values()).filter(type -> Products.take(type, 256)).toList();
  }

  @ParameterizedTest
  @MethodSource("widthsAndTypes")
  void agreesWithTheDefinitionAndGivesRowsTheSameBitsAloneAndTogether(
      Width width, ElementType type) {
    assumeRuns(width);
    var random = new Random(SEED);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(2)) {
      var products = new Products(pool, width);
      for (int some : new int[] {64, 352, 480, 576, 2112}) {
        int k = whole(type, some);
        for (int rows : new int[] {1, 2, 3, 4, 5, 8, 9, 11, 16, 17, 33, 97, 130}) {
          int n = 1 + random.nextInt(random.nextBoolean() ? 60 : 900);
          int from = random.nextInt(n);
          int to = from + 1 + random.nextInt(n - from);
          var w = weights(random, arena, type, to - from, k);
          var x = arena.allocate(4L * rows * k, 64);
          for (long i = 0; i < (long) rows * k; i++) {
            x.setAtIndex(Elements.F32, i, (float) random.nextGaussian());
          }
          var bias = random.nextBoolean() ? arena.allocate(4L * n, 64) : null;
          for (int o = 0; o < n && bias != null; o++) {
            bias.setAtIndex(Elements.F32, o, o);
          }
          var out = arena.allocate(4L * rows * n, 64);
          products.run(x, 0, 4L * k, w, 0, type, bias, 0, out, 0, 4L * n, rows, k, from, to);
          int row = random.nextInt(rows);
          var alone = arena.allocate(4L * n, 64);
          products.run(
              x, 4L * row * k, 4L * k, w, 0, type, bias, 0, alone, 0, 4L * n, 1, k, from, to);
          for (int o = 0; o < n; o++) {
            var what =
                "%s, row %d of %d, %d numbers, output %d of %d to %d, seed %d"
                    .formatted(type, row, rows, k, o, from, to, SEED);
            float told = out.getAtIndex(Elements.F32, (long) row * n + o);
            assertEquals(alone.getAtIndex(Elements.F32, o), told, what);
            if (o < from || o >= to) {
              assertEquals(0, told, what);
              continue;
            }
            double sum = bias == null ? 0 : o - from;
            double error = 1e-6 * Math.abs(sum);
            int group = block(type);
            for (int first = 0; first < k; first += group) {
              double most = 0;
              double weights = 0;
              for (int i = first; i < first + group; i++) {
                double number = Elements.get(type, w, (o - from) * type.rowBytes(k), k, i);
                double term = number * x.getAtIndex(Elements.F32, (long) row * k + i);
                sum += term;
                error += 1e-6 * Math.abs(term);
                most = Math.max(most, Math.abs(x.getAtIndex(Elements.F32, (long) row * k + i)));
                weights += Math.abs(number);
              }
              error += type.quantized() ? lost(type) * most * weights : 0;
            }
            assertEquals(sum, told, error, what);
          }
        }
      }
    }
  }

  @Test
  void quantizedSumsHaveTheSameBitsWithEveryWidth() {
    assumeRuns(Width.AVX512);
    var random = new Random(SEED);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(2)) {
      int n = 75;
      for (var type : types().stream().filter(ElementType::quantized).toList()) {
        int k = whole(type, 576);
        var w = weights(random, arena, type, n, k);
        for (int rows : new int[] {1, 7, 16, 40}) {
          var x = arena.allocate(4L * rows * k, 64);
          for (long i = 0; i < (long) rows * k; i++) {
            x.setAtIndex(Elements.F32, i, (float) random.nextGaussian());
          }
          var out = new MemorySegment[Width.values().length];
          for (var width : Width.values()) {
            var here = arena.allocate(4L * rows * n, 64);
            new Products(pool, width)
                .run(x, 0, 4L * k, w, 0, type, null, 0, here, 0, 4L * n, rows, k, 0, n);
            out[width.ordinal()] = here;
          }
          assertEquals(
              -1, out[0].mismatch(out[1]), "%s, %d rows, seed %d".formatted(type, rows, SEED));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Width.class)
  void activationsOfAnyMagnitudeKeepTheirAccuracyAndDyadicOnesAreExact(Width width) {
    assumeRuns(width);
    var random = new Random(SEED);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(1)) {
      var products = new Products(pool, width);
      for (var type : types()) {
        int k = whole(type, 128);
        var w = weights(random, arena, type, 1, k);
        float[] magnitudes = {0, 0x1p-126f, 0x1p-112f, 1e-30f, 1, 1e5f, 0x1p40f};
        int rows = magnitudes.length;
        var x = arena.allocate(4L * rows * k, 64);
        for (int r = 0; r < rows; r++) {
          for (int i = 0; i < k; i++) {
            x.setAtIndex(Elements.F32, r * k + i, (random.nextInt(401) - 200) * magnitudes[r]);
          }
        }
        var out = arena.allocate(4L * rows, 64);
        products.run(x, 0, 4L * k, w, 0, type, null, 0, out, 0, 4, rows, k, 0, 1);
        for (int r = 0; r < rows; r++) {
          double sum = 0;
          double size = 0;
          for (int i = 0; i < k; i++) {
            double number = Elements.get(type, w, 0, k, i);
            sum += number * x.getAtIndex(Elements.F32, r * k + i);
            size += Math.abs(number * x.getAtIndex(Elements.F32, r * k + i));
          }
          // dyadic magnitudes lose nothing in 16 bits, others 2^-15 of the greatest
          double loss = magnitudes[r] == Math.scalb(1f, Math.getExponent(magnitudes[r])) ? 0 : 1e-4;
          double lost = magnitudes[r] <= 0x1p-112f ? 0x1p-112 * k * 2 : 0; // the least step
          assertEquals(
              sum,
              out.getAtIndex(Elements.F32, r),
              (2e-6 + loss) * size + lost,
              "%s, times %g, seed %d".formatted(type, magnitudes[r], SEED));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Width.class)
  void whatIsNoNumberStaysSoInItsRowAlone(Width width) {
    assumeRuns(width);
    var random = new Random(SEED);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(2)) {
      var products = new Products(pool, width);
      int n = 5;
      for (var type : types()) {
        int k = whole(type, 192);
        for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
          for (int rows : new int[] {2, 7, 20}) {
            var x = arena.allocate(4L * rows * k, 64);
            for (int i = 0; i < rows * k; i++) {
              x.setAtIndex(Elements.F32, i, (float) random.nextGaussian());
            }
            x.setAtIndex(Elements.F32, k + 70, value);
            var w = weights(random, arena, type, n, k);
            var out = arena.allocate(4L * rows * n, 64);
            products.run(x, 0, 4L * k, w, 0, type, null, 0, out, 0, 4L * n, rows, k, 0, n);
            for (int i = 0; i < rows * n; i++) {
              float number = out.getAtIndex(Elements.F32, i);
              assertEquals(
                  i / n != 1,
                  Float.isFinite(number),
                  "%s, %d rows, number %d is %s, seed %d".formatted(type, rows, i, number, SEED));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Width.class)
  void sumsOfTheGreatestCodesAndScalesStayWhole(Width width) {
    assumeRuns(width);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(1)) {
      var products = new Products(pool, width);
      int k = 256;
      int rows = 9;
      for (var type : types().stream().filter(ElementType::quantized).toList()) {
        for (int bytes : new int[] {0x00, 0x80, 0x7f, 0xff}) {
          for (float value : new float[] {1.99999f, -1.99999f}) {
            var w = weights(new Random(SEED), arena, type, 1, k);
            int block = (int) type.rowBytes(type.group());
            for (long at = 0; at < w.byteSize(); at++) {
              if (at % block < header(type) || at % block >= header(type) + 2) {
                // low halves and upper bits of Q6_K are 0, of which 32 are taken
                boolean scale = type != ElementType.Q6_K || at % block >= 192;
                w.set(ValueLayout.JAVA_BYTE, at, (byte) (scale ? bytes : 0));
              }
            }
            if (type == ElementType.INT8 || type == ElementType.INT4 || type == ElementType.Q4_K) {
              for (long at = 0; at < w.byteSize(); at += block) {
                w.set(Elements.BITS16, at + 2, Float.floatToFloat16(0.01f));
              }
            }
            var x = arena.allocate(4L * rows * k, 64);
            for (int i = 0; i < rows * k; i++) {
              x.setAtIndex(Elements.F32, i, value);
            }
            var out = arena.allocate(4L * rows, 64);
            for (int together : new int[] {1, rows}) {
              products.run(x, 0, 4L * k, w, 0, type, null, 0, out, 0, 4, together, k, 0, 1);
              double sum = 0;
              double size = 0;
              for (int i = 0; i < k; i++) {
                double term = Elements.get(type, w, 0, k, i) * (double) value;
                sum += term;
                size += Math.abs(term);
              }
              var what = "%s, bytes %x, %d rows of %s".formatted(type, bytes, together, value);
              for (int r = 0; r < together; r++) {
                assertEquals(sum, out.getAtIndex(Elements.F32, r), 1e-4 * size + 0.01, what);
              }
            }
          }
        }
      }
    }
  }

  @Test
  void operandsOnTheHeapAreRefused() {
    assumeRuns(Width.AVX2);
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(1)) {
      var products = Products.on(pool).orElseThrow();
      var here = arena.allocate(64, 4);
      var heap = MemorySegment.ofArray(new float[16]);
      assertThrows(
          IllegalArgumentException.class,
          () ->
              products.run(heap, 0, 0, here, 0, ElementType.F32, null, 0, here, 0, 0, 1, 16, 0, 1));
      assertThrows(
          IllegalArgumentException.class,
          () ->
              products.run(here, 0, 0, heap, 0, ElementType.F32, null, 0, here, 0, 0, 1, 16, 0, 1));
    }
  }

  private static void assumeRuns(Width width) {
    Assumptions.assumeTrue(
        Products.widths().contains(width), "needs " + width.title + ", on Linux");
  }

  /** So many numbers, or some more that are whole blocks. */
  private static int whole(ElementType type, int numbers) {
    int block = type.quantized() ? type.group() : 1;
    return (numbers + block - 1) / block * block;
  }

  /** Numbers whose activations are rounded together. */
  private static int block(ElementType type) {
    return type == ElementType.INT8 || type == ElementType.INT4 ? type.group() : 32;
  }

  /** What an activation loses of the greatest in its block. */
  private static double lost(ElementType type) {
    return type == ElementType.Q6_K ? 0x1p-14 : 0x1p-15;
  }

  /** Where a block has the F16 number that scales it. */
  private static int header(ElementType type) {
    return type == ElementType.Q6_K ? 208 : 0;
  }

  private static MemorySegment weights(Random random, Arena arena, ElementType type, int n, int k) {
    var w = arena.allocate(n * type.rowBytes(k), 64);
    int group = (int) type.rowBytes(type.group() > 1 ? type.group() : 1);
    for (long at = 0; at < w.byteSize(); at += group) {
      switch (type) {
        case F32 -> w.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, (float) random.nextGaussian());
        case F16 -> w.set(Elements.BITS16, at, Float.floatToFloat16((float) random.nextGaussian()));
        case BF16 ->
            w.set(
                Elements.BITS16,
                at,
                (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >> 16));
        default -> {
          var bytes = new byte[group];
          random.nextBytes(bytes);
          MemorySegment.copy(bytes, 0, w, ValueLayout.JAVA_BYTE, at, group);
          short scale = Float.floatToFloat16(0.01f + 0.01f * random.nextFloat());
          w.set(Elements.BITS16, at + header(type), scale);
          if (type == ElementType.INT8 || type == ElementType.INT4 || type == ElementType.Q4_K) {
            w.set(Elements.BITS16, at + 2, Float.floatToFloat16((float) random.nextGaussian()));
          }
        }
      }
    }
    return w;
  }
}
