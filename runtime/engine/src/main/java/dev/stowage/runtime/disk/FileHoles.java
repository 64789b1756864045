package dev.stowage.runtime.disk;

import dev.stowage.plan.Footprint;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.NoSuchElementException;

/**
 * Gives parts of a file back to its disk, as holes that read as zeros: {@code fallocate} of Linux,
 * which Java does not offer.
 */
final class FileHoles implements AutoCloseable {
  private static final int READ_AND_WRITE = 2;
  private static final int KEEP_SIZE_PUNCH_HOLE = 1 | 2;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final MethodHandle allocate;
  private final MethodHandle close;
  private final int descriptor;

  private FileHoles(MethodHandle allocate, MethodHandle close, int descriptor) {
    this.allocate = allocate;
    this.close = close;
    this.descriptor = descriptor;
  }

  /**
   * Of a file that is there.
   *
   * @throws IOException if its file system gives nothing back
   */
  static FileHoles of(Path file) throws IOException {
    if (!System.getProperty("os.name").equals("Linux")) {
      throw new IOException("parts of a file are given back on Linux only");
    }
    FileHoles holes;
    try (var arena = Arena.ofConfined()) {
      var open = function("open", INT, ValueLayout.ADDRESS, INT);
      var allocate = function("fallocate", INT, INT, INT, LONG, LONG);
      var close = function("close", INT, INT);
      int descriptor = (int) open.invokeExact(arena.allocateFrom(file.toString()), READ_AND_WRITE);
      if (descriptor < 0) {
        throw new IOException("the file cannot be opened once more");
      }
      holes = new FileHoles(allocate, close, descriptor);
    } catch (IllegalCallerException | NoSuchElementException e) {
      throw new IOException(e.getMessage(), e);
    } catch (IOException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    try {
      holes.punch(0, Footprint.PAGE_BYTES);
      return holes;
    } catch (IOException e) {
      holes.close();
      throw e;
    }
  }

  @SuppressWarnings("restricted") // calls of the C library by their documented signatures
  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... parameters) {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
  }

  /** Gives whole pages back. */
  void punch(long offset, long bytes) throws IOException {
    int failed;
    try {
      failed = (int) allocate.invokeExact(descriptor, KEEP_SIZE_PUNCH_HOLE, offset, bytes);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    if (failed != 0) {
      throw new IOException("its file system does not take parts of a file back");
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
