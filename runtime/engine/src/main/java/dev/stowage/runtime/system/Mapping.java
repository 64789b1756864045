package dev.stowage.runtime.system;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory from the operating system itself ({@code mmap}): pages of zeros that come when they are
 * first touched. An arena writes those zeros at once, on one thread, and whoever fills a large
 * buffer right after pays for every page twice.
 */
public final class Mapping {
  private static final int READ_AND_WRITE = 1 | 2;
  private static final int READ_AND_EXECUTE = 1 | 4;
  private static final int PRIVATE_ANONYMOUS = 0x2 | 0x20;
  private static final int UNRESERVED = 0x4000;
  private static final int DONT_NEED = 4;
  private static final int HUGE_PAGES = 14;
  private static final int NO_HUGE_PAGES = 15;

  public static final long HUGE_PAGE_BYTES = 2 << 20;

  private Mapping() {}

  /**
   * Maps memory until the arena closes.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that much
   */
  public static MemorySegment of(Arena arena, long bytes) {
    return of(arena, bytes, PRIVATE_ANONYMOUS);
  }

  private static MemorySegment of(Arena arena, long bytes, int flags) {
    var memory = CLibrary.Memory.map(bytes, READ_AND_WRITE, flags);
    if (memory.address() == -1) {
      throw new OutOfMemoryError("the system has no %d bytes of memory".formatted(bytes));
    }
    return sized(memory, bytes, arena);
  }

  @SuppressWarnings("restricted") // exactly what was mapped
  private static MemorySegment sized(MemorySegment memory, long bytes, Arena arena) {
    return memory.reinterpret(bytes, arena, all -> CLibrary.Memory.unmap(all, bytes));
  }

  /**
   * Maps memory on pages of 2 MiB, if the system has any. A disk that fills it past the page cache
   * gets one address in place of 512: measured, a virtual disk then reads 2.5 times as fast. To
   * touch such pages is dear, so only memory that is filled again and again is worth it.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that much
   */
  public static MemorySegment ofHugePages(Arena arena, long bytes) {
    var memory = of(arena, bytes + HUGE_PAGE_BYTES);
    long skip = Math.floorMod(-memory.address(), HUGE_PAGE_BYTES);
    var aligned = memory.asSlice(skip, bytes);
    CLibrary.Memory.advise(aligned, bytes, HUGE_PAGES);
    return aligned;
  }

  /**
   * Maps addresses of which more may be there than memory: on small pages, for a large one would
   * take all of its memory for the first byte.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that many addresses
   */
  public static MemorySegment ofAddresses(Arena arena, long bytes) {
    var memory = of(arena, bytes, PRIVATE_ANONYMOUS | UNRESERVED);
    CLibrary.Memory.advise(memory, bytes, NO_HUGE_PAGES);
    return memory;
  }

  /** Gives whole pages back: they are zeros when they are read again. */
  public static void giveBack(MemorySegment pages) {
    if (!CLibrary.Memory.advise(pages, pages.byteSize(), DONT_NEED)) {
      throw new IllegalStateException(
          "the system did not take %d bytes of memory back".formatted(pages.byteSize()));
    }
  }

  /**
   * Lets all of a mapping be executed, and never be written again.
   *
   * @throws UnsupportedOperationException where the system denies that
   */
  public static void makeExecutable(MemorySegment mapping) {
    if (!CLibrary.Memory.protect(mapping, mapping.byteSize(), READ_AND_EXECUTE)) {
      throw new UnsupportedOperationException("the system runs no code made at run time");
    }
  }
}
