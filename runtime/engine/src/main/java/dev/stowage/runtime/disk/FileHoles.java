package dev.stowage.runtime.disk;

import dev.stowage.plan.Footprint;
import dev.stowage.runtime.system.OpenFile;
import java.io.IOException;
import java.nio.file.Path;

/** Gives parts of a file back to its disk, as holes that read as zeros. */
final class FileHoles implements AutoCloseable {
  private final OpenFile file;

  private FileHoles(OpenFile file) {
    this.file = file;
  }

  /**
   * Of a file that is there.
   *
   * @throws IOException if its file system gives nothing back
   */
  static FileHoles of(Path path) throws IOException {
    OpenFile file;
    try {
      file = OpenFile.write(path);
    } catch (UnsupportedOperationException e) {
      throw new IOException(e.getMessage(), e);
    }
    try {
      file.punch(0, Footprint.PAGE_BYTES);
      return new FileHoles(file);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Gives whole pages back. */
  void punch(long offset, long bytes) throws IOException {
    file.punch(offset, bytes);
  }

  @Override
  public void close() {
    file.close();
  }
}
