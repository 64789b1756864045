package dev.stowage.cli;

import dev.stowage.cli.GenerationOptions.Generation;
import dev.stowage.plan.text.Amount;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;

/** A file of requests, one JSON object a line, read request by request. */
final class RequestFile implements AutoCloseable {
  private static final int LONGEST_LINE = 64 << 20;

  private final Path file;
  private final Generation defaults;
  private final MessageDigest digest = Sha256.create();
  private final InputStream in;
  private int line;

  private RequestFile(Path file, Generation defaults, InputStream in) {
    this.file = file;
    this.defaults = defaults;
    this.in = new BufferedInputStream(new DigestInputStream(in, digest), 1 << 16);
  }

  /**
   * @param defaults what is asked where a request does not say otherwise
   */
  static RequestFile open(Path file, Generation defaults, Console console) {
    var path = console.resolve(file);
    if (!Files.isRegularFile(path)) {
      throw Failure.usage("%s: no such file".formatted(file));
    }
    try {
      return new RequestFile(file, defaults, Files.newInputStream(path));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The next request; empty at the end of the file. Lines of blanks are passed over. */
  Optional<Prompt> next() {
    try {
      while (true) {
        var text = readLine();
        if (text == null) {
          return Optional.empty();
        }
        if (!text.isBlank()) {
          return Optional.of(Prompt.request(place(), text, defaults));
        }
      }
    } catch (CharacterCodingException e) {
      throw Failure.usage("%s is not UTF-8 text".formatted(place()));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The place of the request read last, as messages name it. */
  String place() {
    return "%s:%d".formatted(file, line);
  }

  /** SHA-256 of the file's bytes, after its end was reached. */
  String sha256() {
    return HexFormat.of().formatHex(digest.digest());
  }

  private String readLine() throws IOException {
    int next = in.read();
    if (next < 0) {
      return null;
    }
    line++;
    var bytes = new ByteArrayOutputStream(256);
    for (; next >= 0 && next != '\n'; next = in.read()) {
      if (bytes.size() == LONGEST_LINE) {
        throw Failure.usage("%s is longer than %s".formatted(place(), Amount.bytes(LONGEST_LINE)));
      }
      bytes.write(next);
    }
    var decoder = StandardCharsets.UTF_8.newDecoder();
    return decoder.decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
  }

  private static Failure unreadable(Path file, IOException e) {
    return Failure.machine("%s cannot be read: %s".formatted(file, e.getMessage()));
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }
}
