package dev.stowage.runtime.system;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/** A file by its descriptor, for what Java's channels cannot ask for. */
public final class OpenFile implements AutoCloseable {
  private static final int READ_ONLY = 0;
  private static final int READ_AND_WRITE = 2;
  private static final int DONT_NEED = 4; // POSIX_FADV_DONTNEED
  private static final int KEEP_SIZE_PUNCH_HOLE = 1 | 2;

  private final int descriptor;

  private OpenFile(int descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Opens a file that is there, for reading.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   */
  public static OpenFile read(Path path) throws IOException {
    return open(path, READ_ONLY);
  }

  /**
   * Opens a file that is there, for reading and writing.
   *
   * @throws UnsupportedOperationException where the system has no such calls, or denies them
   */
  public static OpenFile write(Path path) throws IOException {
    return open(path, READ_AND_WRITE);
  }

  private static OpenFile open(Path path, int flags) throws IOException {
    try (var arena = Arena.ofConfined()) {
      int descriptor = CLibrary.Files.open(arena.allocateFrom(path.toString()), flags);
      if (descriptor < 0) {
        throw new IOException("the file cannot be opened once more");
      }
      return new OpenFile(descriptor);
    }
  }

  /**
   * Drops what the page cache holds of a range and the disk has too; an advice, so nothing depends
   * on its success.
   *
   * @param bytes 0 for all to the file's end
   */
  public void dropCached(long offset, long bytes) {
    CLibrary.Files.advise(descriptor, offset, bytes, DONT_NEED);
  }

  /** Gives whole pages back to the disk: a hole that reads as zeros. */
  public void punch(long offset, long bytes) throws IOException {
    if (!CLibrary.Files.allocate(descriptor, KEEP_SIZE_PUNCH_HOLE, offset, bytes)) {
      throw new IOException("its file system does not take parts of a file back");
    }
  }

  @Override
  public void close() {
    CLibrary.Files.close(descriptor);
  }
}
