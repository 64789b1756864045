package dev.stowage.api;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * A folder in which disks and drives store what need not outlive a session.
 *
 * @param temporary whether it was made for the session, and goes with it
 */
record Scratch(Path path, boolean temporary) implements AutoCloseable {
  /** Removes a temporary folder; what cannot be removed is left to the system. */
  @Override
  public void close() {
    if (!temporary) {
      return;
    }
    try (Stream<Path> files = Files.walk(path)) {
      for (var file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      path.toFile().deleteOnExit();
    }
  }
}
