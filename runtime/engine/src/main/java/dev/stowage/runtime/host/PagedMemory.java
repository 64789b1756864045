package dev.stowage.runtime.host;

import dev.stowage.runtime.system.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Addresses of which pages take memory once they are written to, and none again once they are given
 * back.
 */
final class PagedMemory {
  private final MemorySegment memory;

  private PagedMemory(MemorySegment memory) {
    this.memory = memory;
  }

  /**
   * Addresses that nothing else has until the arena closes.
   *
   * @param bytes a multiple of a page
   * @throws UnsupportedOperationException if the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that many addresses
   */
  static PagedMemory reserve(Arena arena, long bytes) {
    return new PagedMemory(Mapping.ofAddresses(arena, bytes));
  }

  MemorySegment memory() {
    return memory;
  }

  /** Gives whole pages back: they are zeros when they are read again. */
  void giveBack(long offset, long bytes) {
    Mapping.giveBack(memory.asSlice(offset, bytes));
  }
}
