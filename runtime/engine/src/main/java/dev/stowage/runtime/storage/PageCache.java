package dev.stowage.runtime.storage;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the operating system's page cache holds of one file: dropped on demand through {@code
 * posix_fadvise}, which Java does not offer. Absent where the system has no such call, or native
 * access is denied.
 */
public final class PageCache implements AutoCloseable {
  private static final int DONT_NEED = 4; // POSIX_FADV_DONTNEED of Linux
  private static final int READ_ONLY = 0;

  private final MethodHandle advise;
  private final MethodHandle close;
  private final int descriptor;

  private PageCache(MethodHandle advise, MethodHandle close, int descriptor) {
    this.advise = advise;
    this.close = close;
    this.descriptor = descriptor;
  }

  /** The cache of a file, where it can be told what to drop. */
  public static Optional<PageCache> open(Path path) {
    if (!System.getProperty("os.name").equals("Linux")) {
      return Optional.empty();
    }
    try (var arena = Arena.ofConfined()) {
      var open =
          function(
              "open",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
      var advise =
          function(
              "posix_fadvise",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT));
      var close =
          function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      int descriptor = (int) open.invokeExact(arena.allocateFrom(path.toString()), READ_ONLY);
      return descriptor < 0
          ? Optional.empty()
          : Optional.of(new PageCache(advise, close, descriptor));
    } catch (IllegalCallerException | java.util.NoSuchElementException e) {
      return Optional.empty();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // calls of the C library by their documented signatures
  private static MethodHandle function(String name, FunctionDescriptor signature) {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature);
  }

  /**
   * Drops the clean pages of a range; an advice, so nothing depends on its success.
   *
   * @param bytes 0 for all to the file's end
   */
  public void drop(long offset, long bytes) {
    try {
      int ignored = (int) advise.invokeExact(descriptor, offset, bytes, DONT_NEED);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    try {
      int ignored = (int) close.invokeExact(descriptor);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
