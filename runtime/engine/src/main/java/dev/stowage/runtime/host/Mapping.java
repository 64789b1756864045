package dev.stowage.runtime.host;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;

/**
 * Memory from the operating system itself ({@code mmap} of Linux): pages of zeros that come when
 * they are first touched. An arena writes those zeros at once, on one thread, and whoever fills a
 * large buffer right after pays for every page twice.
 */
final class Mapping {
  private static final int READ_AND_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS = 0x2 | 0x20;
  private static final int UNRESERVED = 0x4000;
  private static final int HUGE_PAGES = 14;
  private static final int NO_HUGE_PAGES = 15;

  static final long HUGE_PAGE_BYTES = 2 << 20;

  private Mapping() {}

  /**
   * Maps memory until the arena closes.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that much
   */
  static MemorySegment of(Arena arena, long bytes) {
    return of(arena, bytes, PRIVATE_ANONYMOUS);
  }

  private static MemorySegment of(Arena arena, long bytes, int flags) {
    if (!System.getProperty("os.name").equals("Linux")) {
      throw new UnsupportedOperationException("it needs Linux");
    }
    try {
      var map =
          function(
              "mmap",
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG);
      var unmap =
          function("munmap", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
      var memory =
          (MemorySegment) map.invokeExact(MemorySegment.NULL, bytes, READ_AND_WRITE, flags, -1, 0L);
      if (memory.address() == -1) {
        throw new OutOfMemoryError("the system has no %d bytes of memory".formatted(bytes));
      }
      return sized(memory, bytes, arena, unmap);
    } catch (IllegalCallerException | NoSuchElementException e) {
      throw new UnsupportedOperationException(e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Maps memory on pages of 2 MiB, if the system has any. A disk that fills it past the page cache
   * gets one address in place of 512: measured, a virtual disk then reads 2.5 times as fast. To
   * touch such pages is dear, so only memory that is filled again and again is worth it.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that much
   */
  static MemorySegment ofHugePages(Arena arena, long bytes) {
    var memory = of(arena, bytes + HUGE_PAGE_BYTES);
    long skip = Math.floorMod(-memory.address(), HUGE_PAGE_BYTES);
    var aligned = memory.asSlice(skip, bytes);
    try {
      int ignored = (int) advice().invokeExact(aligned, bytes, HUGE_PAGES); // advice only
    } catch (NoSuchElementException e) {
      return aligned;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    return aligned;
  }

  /**
   * Maps addresses of which more may be there than memory: on small pages, for a large one would
   * take all of its memory for the first byte.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   * @throws OutOfMemoryError if it has not that many addresses
   */
  static MemorySegment ofAddresses(Arena arena, long bytes) {
    var memory = of(arena, bytes, PRIVATE_ANONYMOUS | UNRESERVED);
    try {
      int ignored = (int) advice().invokeExact(memory, bytes, NO_HUGE_PAGES);
    } catch (NoSuchElementException e) {
      throw new UnsupportedOperationException(e.getMessage(), e);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    return memory;
  }

  /** {@code madvise}. */
  static MethodHandle advice() {
    return function(
        "madvise",
        ValueLayout.JAVA_INT,
        ValueLayout.ADDRESS,
        ValueLayout.JAVA_LONG,
        ValueLayout.JAVA_INT);
  }

  @SuppressWarnings("restricted") // exactly what was mapped
  private static MemorySegment sized(
      MemorySegment memory, long bytes, Arena arena, MethodHandle unmap) {
    return memory.reinterpret(bytes, arena, all -> unmap(unmap, all, bytes));
  }

  private static void unmap(MethodHandle unmap, MemorySegment memory, long bytes) {
    try {
      int ignored = (int) unmap.invokeExact(memory, bytes);
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
}
