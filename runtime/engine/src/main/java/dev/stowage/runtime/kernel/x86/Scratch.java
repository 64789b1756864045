package dev.stowage.runtime.kernel.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Memory that products need beside their operands: it stays as long as who uses it. */
final class Scratch {
  static final int CACHE_LINE = 64;

  private Scratch() {}

  /** Some bytes for each thread. */
  static MemorySegment[] of(int threads, long bytes) {
    var all = new MemorySegment[threads];
    Arrays.setAll(all, thread -> Arena.ofAuto().allocate(bytes, CACHE_LINE));
    return all;
  }

  /** The memory itself if it is large enough; else other, so large that it seldom grows. */
  static MemorySegment fit(MemorySegment memory, long bytes) {
    return memory.byteSize() >= bytes
        ? memory
        : Arena.ofAuto().allocate(Math.max(bytes, 2 * memory.byteSize()), CACHE_LINE);
  }
}
