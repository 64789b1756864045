package dev.stowage.plan.text;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Replaces a file as a whole: whoever reads it, or finds it after a crash, sees all of the old or
 * all of the new bytes.
 */
public final class AtomicFile {
  private static final AtomicLong WRITTEN = new AtomicLong();

  private AtomicFile() {}

  /** Writes a temporary file beside the target, forces it to the disk, and renames it. */
  public static void write(Path target, byte[] bytes) throws IOException {
    var file = target.toAbsolutePath();
    var temporary =
        file.resolveSibling(
            "."
                + file.getFileName()
                + "."
                + ProcessHandle.current().pid()
                + "."
                + WRITTEN.incrementAndGet()
                + ".tmp");
    try {
      try (var channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        var rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
          channel.write(rest);
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    try (var folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      folder.force(true); // the rename itself
    } catch (IOException e) {
      return; // some systems cannot open a folder; the file itself is on the disk
    }
  }
}
