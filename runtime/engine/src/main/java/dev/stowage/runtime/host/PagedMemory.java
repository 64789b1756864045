package dev.stowage.runtime.host;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;

/**
 * Addresses of which pages take memory once they are written to, and none again once they are given
 * back: {@code mmap} and {@code madvise} of Linux.
 */
final class PagedMemory {
  private static final int READ_AND_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS_UNRESERVED = 0x2 | 0x20 | 0x4000;
  private static final int NO_FILE = -1;
  private static final int DONT_NEED = 4;
  private static final int NO_HUGE_PAGE = 15; // which would take 512 pages for one

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final AddressLayout ADDRESS = ValueLayout.ADDRESS;

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
   */
  static PagedMemory reserve(Arena arena, long bytes) {
    if (!System.getProperty("os.name").equals("Linux")) {
      throw new UnsupportedOperationException("it needs Linux");
    }
    try {
      var map = function("mmap", ADDRESS, ADDRESS, LONG, INT, INT, INT, LONG);
      var unmap = function("munmap", INT, ADDRESS, LONG);
      var advise = function("madvise", INT, ADDRESS, LONG, INT);
      var at =
          (MemorySegment)
              map.invokeExact(
                  MemorySegment.NULL,
                  bytes,
                  READ_AND_WRITE,
                  PRIVATE_ANONYMOUS_UNRESERVED,
                  NO_FILE,
                  0L);
      if (at.address() == -1) {
        throw new UnsupportedOperationException(
            "the system has no %d bytes of addresses".formatted(bytes));
      }
      var memory = sized(at, bytes, arena, unmap);
      int ignored = (int) advise.invokeExact(memory, bytes, NO_HUGE_PAGE);
      return new PagedMemory(memory, advise);
    } catch (IllegalCallerException | NoSuchElementException e) {
      throw new UnsupportedOperationException(e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // the addresses are those that were asked for
  private static MemorySegment sized(
      MemorySegment at, long bytes, Arena arena, MethodHandle unmap) {
    return at.reinterpret(bytes, arena, all -> unmap(unmap, all, bytes));
  }

  private static void unmap(MethodHandle unmap, MemorySegment all, long bytes) {
    try {
      int ignored = (int) unmap.invokeExact(all, bytes);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // calls of the C library by their documented signatures
  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... parameters) {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
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
