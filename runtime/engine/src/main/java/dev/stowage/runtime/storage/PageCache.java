package dev.stowage.runtime.storage;

import dev.stowage.runtime.system.OpenFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the operating system's page cache holds of one file, dropped on demand. Absent where the
 * system has no call for it, or native access is denied.
 */
public final class PageCache implements AutoCloseable {
  private final OpenFile file;

  private PageCache(OpenFile file) {
    this.file = file;
  }

  /** The cache of a file, where it can be told what to drop. */
  public static Optional<PageCache> open(Path path) {
    try {
      return Optional.of(new PageCache(OpenFile.read(path)));
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty();
    }
  }

  /**
   * Drops the clean pages of a range; an advice, so nothing depends on its success.
   *
   * @param bytes 0 for all to the file's end
   */
  public void drop(long offset, long bytes) {
    file.dropCached(offset, bytes);
  }

  @Override
  public void close() {
    file.close();
  }
}
