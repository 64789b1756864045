package dev.stowage.maven;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Stream;

/**
 * SHA-256 over as much of a file or folder as plans depend on: of a text all, of a model's folder
 * the names and sizes of its files, its small JSON files, and the headers of its tensors. The
 * tensors' data never is read.
 */
final class Digest {
  private static final long SMALL = 16 << 20;

  private final MessageDigest sha256;

  private Digest() {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Says {@code missing} of what is not there or cannot be read. */
  static String of(Path path) {
    var digest = new Digest();
    try {
      if (Files.isDirectory(path)) {
        digest.folder(path);
      } else if (Files.isRegularFile(path)) {
        digest.file(path);
      } else {
        return "missing";
      }
    } catch (IOException e) {
      return "missing";
    }
    return HexFormat.of().formatHex(digest.sha256.digest());
  }

  private void folder(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      for (var child : (Iterable<Path>) children.sorted()::iterator) {
        if (Files.isRegularFile(child)) {
          add(child.getFileName() + "\n" + Files.size(child) + "\n");
          if (isSmallJson(child) || child.toString().endsWith(".safetensors")) {
            file(child);
          }
        }
      }
    }
  }

  private static boolean isSmallJson(Path file) throws IOException {
    String name = file.getFileName().toString();
    return name.endsWith(".json") && !name.startsWith("tokenizer") && Files.size(file) <= SMALL;
  }

  private void file(Path file) throws IOException {
    long size = Files.size(file);
    if (file.toString().endsWith(".safetensors")) {
      safetensorsHeader(file);
    } else if (size > SMALL) {
      add(size + "\n" + Files.getLastModifiedTime(file).toMillis() + "\n");
    } else {
      try (var in = new DigestInputStream(Files.newInputStream(file), sha256)) {
        in.transferTo(java.io.OutputStream.nullOutputStream());
      }
    }
  }

  /** Eight bytes that say how long the header is, little endian, and the header. */
  private void safetensorsHeader(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] length = in.readNBytes(8);
      sha256.update(length);
      long bytes =
          length.length < 8 ? 0 : ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
      sha256.update(in.readNBytes((int) Math.max(0, Math.min(bytes, SMALL))));
    }
  }

  private void add(String text) {
    sha256.update(text.getBytes(StandardCharsets.UTF_8));
  }
}
