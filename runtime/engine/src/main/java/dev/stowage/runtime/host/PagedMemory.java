package dev.stowage.runtime.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Addresses of which pages take memory once they are written to, and none again once they are given
 * back.
 */
final class PagedMemory {
  private static final int DONT_NEED = 4; // MADV_DONTNEED of Linux

  private final MemorySegment memory;
  private final MethodHandle advise;

  private PagedMemory(MemorySegment memory, MethodHandle advise) {
    this.memory = memory;
    this.advise = advise;
  }

  /**
   * Addresses that nothing else has until the arena closes.
   *
   * @param bytes a multiple of a page
   * @throws UnsupportedOperationException if the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that many addresses
   */
  static PagedMemory reserve(Arena arena, long bytes) {
    return new PagedMemory(Mapping.ofAddresses(arena, bytes), Mapping.advice());
  }

  MemorySegment memory() {
    return memory;
  }

  /** Gives whole pages back: they are zeros when they are read again. */
  void giveBack(long offset, long bytes) {
    int failed;
    try {
      failed = (int) advise.invokeExact(memory.asSlice(offset, bytes), bytes, DONT_NEED);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    if (failed != 0) {
      throw new IllegalStateException(
          "the system did not take %d bytes of memory back".formatted(bytes));
    }
  }
}
