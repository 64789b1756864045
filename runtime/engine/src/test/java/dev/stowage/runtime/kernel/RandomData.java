package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/**
 * Seeded random operands. The seed is a new one every run, or that of {@code -Dstowage.test.seed};
 * a test puts {@link #toString} into its assertion messages so that a failure can be repeated.
 */
public final class RandomData {
  private final long seed;
  private final Random random;
  private final Arena arena;

  /** Operands are allocated in the arena. */
  public RandomData(Arena arena) {
    this(arena, Long.getLong("stowage.test.seed", System.nanoTime()));
  }

  /** Operands of a given seed. */
  public RandomData(Arena arena, long seed) {
    this.arena = arena;
    this.seed = seed;
    random = new Random(seed);
  }

  /**
   * A segment of {@code n} normally distributed numbers of the type, from byte {@code offset} on.
   */
  public MemorySegment numbers(ElementType type, long offset, long n, float scale) {
    var segment = arena.allocate(offset + n * type.bytes(), 64);
    for (long i = 0; i < n; i++) {
      float value = (float) random.nextGaussian() * scale;
      Elements.set(type, segment, offset + i * type.bytes(), value);
    }
    return segment;
  }

  /**
   * A segment of rows of normally distributed numbers of any type, one after the other from byte
   * {@code offset} on.
   */
  public MemorySegment rows(ElementType type, long offset, long rows, int width, float scale) {
    if (!type.quantized()) {
      return numbers(type, offset, rows * width, scale);
    }
    long rowBytes = type.rowBytes(width);
    var segment = arena.allocate(offset + rows * rowBytes, 64);
    for (long row = 0; row < rows; row++) {
      var numbers = numbers(ElementType.F32, 0, width, scale);
      Quantized.encode(type, CodeSearch.QUICK, numbers, 0, width, segment, offset + row * rowBytes);
    }
    return segment;
  }

  /** A segment of {@code n} F32 numbers around zero, deviation 1. */
  public MemorySegment floats(long n) {
    return numbers(ElementType.F32, 0, n, 1);
  }

  /** {@code n} integers in {@code [0, bound)}. */
  public int[] ints(int n, int bound) {
    return random.ints(n, 0, bound).toArray();
  }

  /** An integer in {@code [from, to)}. */
  public int between(int from, int to) {
    return random.nextInt(from, to);
  }

  /** A copy that shares nothing with {@code segment}. */
  public MemorySegment copy(MemorySegment segment) {
    return arena.allocate(segment.byteSize(), 64).copyFrom(segment);
  }

  @Override
  public String toString() {
    return "-Dstowage.test.seed=" + seed;
  }
}
