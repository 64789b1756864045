package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.BlockCodec;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import dev.stowage.runtime.kernel.vector.VectorKernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The block types of GGUF files, against a codec that shares nothing with the kernels. */
class BlocksTest {
  private static final long SEED = 20_261_121;
  private static final WorkerPool POOL = new WorkerPool(2);

  @AfterAll
  static void close() {
    POOL.close();
  }

  /**
   * Blocks of random bytes but for the F16 numbers, which are finite: every code and every sign.
   */
  private static byte[] rows(ElementType type, int numbers, Random random) {
    var bytes = new byte[(int) type.rowBytes(numbers)];
    random.nextBytes(bytes);
    int blockBytes = (int) type.rowBytes(type.group());
    for (int block = 0; block < bytes.length; block += blockBytes) {
      switch (type) {
        case Q8_0, Q4_0 -> half(bytes, block, random);
        case Q4_K -> {
          half(bytes, block, random);
          half(bytes, block + 2, random);
        }
        case Q6_K -> half(bytes, block + 208, random);
        case F32, F16, BF16, INT8, INT4 -> throw new IllegalArgumentException(type.word());
      }
    }
    return bytes;
  }

  private static void half(byte[] bytes, int at, Random random) {
    short bits = Float.floatToFloat16((float) random.nextGaussian() * 0.01f);
    bytes[at] = (byte) bits;
    bytes[at + 1] = (byte) (bits >> 8);
  }

  @Test
  void numbersAreTheFormulas() {
    var random = new Random(SEED);
    for (var type : ElementType.blocks()) {
      int count = 3 * type.group();
      byte[] bytes = rows(type, count, random);
      var segment = MemorySegment.ofArray(bytes);
      var expected = BlockCodec.decode(type, bytes, count);
      for (int i = 0; i < count; i++) {
        String where = "%s, number %d, seed %d".formatted(type, i, SEED);
        float number = Blocks.number(type, segment, 0, i);
        assertEquals(expected[i], number, 1e-6 * (1 + Math.abs(expected[i])), where);
      }
    }
  }

  @Test
  void wideningARowYieldsTheSameBitsAsNumberByNumber() {
    var random = new Random(SEED);
    var kernels = new VectorKernels(POOL);
    try (var arena = Arena.ofShared()) {
      for (var type : ElementType.blocks()) {
        int count = 3 * type.group();
        var bytes = rows(type, count, random);
        var row = arena.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, row, ValueLayout.JAVA_BYTE, 0, bytes.length);
        // once as they are widened, once as a product with rows that are 1 in one place
        var wide = arena.allocate(4L * count, 4);
        kernels.widen(row, 0, bytes.length, type, wide, 0, 4L * count, 1, count);
        var unit = arena.allocate(4L * count * count, 4);
        for (int i = 0; i < count; i++) {
          unit.set(ValueLayout.JAVA_FLOAT, 4L * i * (count + 1), 1f);
        }
        var product = arena.allocate(4L * count, 4);
        kernels.matmul(
            unit, 0, 4L * count, row, 0, type, null, 0, product, 0, 4, count, count, 0, 1);
        for (int i = 0; i < count; i++) {
          String where = "%s, number %d, seed %d".formatted(type, i, SEED);
          float expected = Blocks.number(type, row, 0, i);
          assertEquals(expected, wide.get(ValueLayout.JAVA_FLOAT, 4L * i), where);
          float restored = product.get(ValueLayout.JAVA_FLOAT, 4L * i);
          assertEquals(expected + 0f, restored + 0f, where); // a sum has no negative zero
        }
      }
    }
  }

  @Test
  void productsAgreeWithTheCodecInDoubleWhateverTheRows() {
    productsAgreeWithTheCodec(new VectorKernels(POOL));
  }

  @Test
  void productsWithoutMachineCodeAgreeWithTheCodecInDoubleWhateverTheRows() {
    productsAgreeWithTheCodec(VectorKernels.portable(POOL));
  }

  private static void productsAgreeWithTheCodec(Kernels kernels) {
    var random = new Random(SEED);
    try (var arena = Arena.ofShared()) {
      for (var type : ElementType.blocks()) {
        for (int rows : new int[] {1, 2, 3, 4, 5, 9, 20}) {
          for (int outputs : new int[] {1, 3, 8, 13}) {
            int k = 768; // more than one panel deep
            var w = arena.allocate(outputs * type.rowBytes(k) + 1);
            var numbers = new double[outputs][];
            for (int o = 0; o < outputs; o++) {
              byte[] bytes = rows(type, k, random);
              numbers[o] = BlockCodec.decode(type, bytes, k);
              MemorySegment.copy(
                  bytes, 0, w, ValueLayout.JAVA_BYTE, 1 + o * type.rowBytes(k), bytes.length);
            }
            var x = arena.allocate(4L * rows * k);
            for (int i = 0; i < rows * k; i++) {
              x.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (float) random.nextGaussian());
            }
            var together = product(kernels, x, w, type, rows, k, outputs, arena);
            var defined = product(new ReferenceKernels(), x, w, type, rows, k, outputs, arena);
            for (int r = 0; r < rows; r++) {
              for (int o = 0; o < outputs; o++) {
                double sum = 0;
                double size = 0;
                for (int i = 0; i < k; i++) {
                  double term =
                      x.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, r * k + i) * numbers[o][i];
                  sum += term;
                  size += Math.abs(term);
                }
                String where =
                    "%s, %d rows, row %d, output %d of %d, seed %d"
                        .formatted(type, rows, r, o, outputs, SEED);
                assertEquals(sum, at(together, r * outputs + o), 2e-5 * size, where);
                assertEquals(sum, at(defined, r * outputs + o), 1e-6 * size, where);
              }
            }
            // one row by itself has the same bits
            var alone =
                product(kernels, x.asSlice(4L * (rows - 1) * k), w, type, 1, k, outputs, arena);
            for (int o = 0; o < outputs; o++) {
              assertEquals(at(together, (rows - 1) * outputs + o), at(alone, o), "seed " + SEED);
            }
          }
        }
      }
    }
  }

  @Test
  void looksUpAndWidensRows() {
    var random = new Random(SEED);
    try (var arena = Arena.ofShared()) {
      for (var type : ElementType.blocks()) {
        int width = 2 * type.group();
        byte[] bytes = rows(type, 3 * width, random);
        var table = arena.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, table, ValueLayout.JAVA_BYTE, 0, bytes.length);
        var expected = BlockCodec.decode(type, bytes, 3 * width);
        var out = arena.allocate(8L * width);
        for (var kernels : new Kernels[] {new ReferenceKernels(), new VectorKernels(POOL)}) {
          kernels.embed(table, 0, type, 3, new int[] {2, 0}, 0, out, 0, 4L * width, 2, width);
          for (int i = 0; i < width; i++) {
            double size = 1e-6 * (1 + Math.abs(expected[i]));
            assertEquals(expected[i], at(out, width + i), size, type + ", seed " + SEED);
            assertEquals(
                expected[2 * width + i],
                at(out, i),
                1e-6 * (1 + Math.abs(expected[2 * width + i])),
                type + ", seed " + SEED);
          }
          assertThrows(
              IllegalArgumentException.class,
              () -> kernels.widen(table, 0, 0, type, out, 0, 0, 1, width - 1));
        }
      }
    }
  }

  private static MemorySegment product(
      Kernels kernels,
      MemorySegment x,
      MemorySegment w,
      ElementType type,
      int rows,
      int k,
      int outputs,
      Arena arena) {
    var out = arena.allocate(4L * rows * outputs);
    kernels.matmul(x, 0, 4L * k, w, 1, type, null, 0, out, 0, 4L * outputs, rows, k, 0, outputs);
    return out;
  }

  private static float at(MemorySegment segment, int index) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index);
  }
}
