package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.text.Amount;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Results of a job, one JSON object a line in the order in which they were ready, behind a first
 * line that says which requests and which plan they are of. A line is on the disk before the next
 * one is written; a last line that a crash tore is cut when the file is opened again.
 */
final class ResultFile implements AutoCloseable {
  private static final int LONGEST_LINE = 1 << 30;

  private final Path file;
  private final FileChannel channel;
  private final BitSet done = new BitSet();
  private long[] digests = {};
  private long length;

  private ResultFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Opens results, or begins them.
   *
   * @param header what the first line says, or has to say
   * @throws Failure if they are results of other requests or of another plan, or no results at all;
   *     nothing in the file is changed then
   */
  static ResultFile open(Path file, JobHeader header, Console console) {
    FileChannel channel;
    try {
      channel =
          FileChannel.open(
              console.resolve(file),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw Failure.usage("%s cannot be written: %s".formatted(file, e));
    }
    var results = new ResultFile(file, channel);
    try {
      results.begin(header, console);
      return results;
    } catch (IOException e) {
      results.close();
      throw Failure.machine("%s cannot be read: %s".formatted(file, e.getMessage()));
    } catch (RuntimeException e) {
      results.close();
      throw e;
    }
  }

  /** How many requests have their result. */
  int count() {
    return done.cardinality();
  }

  /**
   * Whether a request has its result.
   *
   * @param digest of the request as it is now
   * @throws Failure if the result is of another request
   */
  boolean has(int index, long digest) {
    if (!done.get(index)) {
      return false;
    }
    if (digests[index] != digest) {
      throw Failure.usage(
          "%s: the result with index %d is of another request; give another --output"
              .formatted(file, index));
    }
    return true;
  }

  /** Appends a result, which is on the disk afterwards. */
  void append(int index, long digest, ObjectNode result) {
    try {
      write(line(result));
      remember(index, digest);
    } catch (IOException e) {
      try {
        channel.truncate(length);
      } catch (IOException again) {
        e.addSuppressed(again); // the torn line is cut when the file is opened again
      }
      throw Failure.machine(
          "%s cannot be written: %s; what it holds is whole, and the job can go on from there"
              .formatted(file, e.getMessage()));
    }
  }

  private void begin(JobHeader header, Console console) throws IOException {
    try {
      if (channel.tryLock() == null) {
        throw inUse();
      }
    } catch (OverlappingFileLockException e) {
      throw inUse();
    }
    var first = line(header.json());
    var in = new BufferedInputStream(Channels.newInputStream(channel), 1 << 16);
    var line = new ByteArrayOutputStream();
    int number = 0;
    boolean whole = true;
    while ((whole = readLine(in, line)) || line.size() > 0) {
      number++;
      if (!whole && number == 1 && !begins(first, line.toByteArray())) {
        throw noResults();
      }
      boolean kept = whole && take(number, line.toByteArray(), header);
      if (!kept) {
        break;
      }
      length += line.size() + 1;
    }
    if (in.read() >= 0) {
      throw Failure.usage(
          "%s:%d is no result, and not the last line: the file is damaged; give another --output"
              .formatted(file, number));
    }
    if (channel.size() > length) {
      console.say(
          "%s: a torn last line of %s is cut"
              .formatted(file, Amount.bytes(channel.size() - length)));
      channel.truncate(length);
      channel.force(true);
    }
    channel.position(length);
    if (length == 0) {
      write(first);
      forceFolder(console.resolve(file).toAbsolutePath().getParent());
    }
  }

  /** Takes a whole line; returns whether it is a result. */
  private boolean take(int number, byte[] bytes, JobHeader header) {
    JsonNode node;
    try {
      node = Json.MAPPER.readTree(new String(bytes, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      if (number == 1) {
        throw noResults();
      }
      return false;
    }
    if (number == 1) {
      if (node == null || !JobHeader.isOne(node)) {
        throw noResults();
      }
      header.requireSame(file, node);
      return true;
    }
    if (node == null || !node.path("index").isInt() || !node.path("request").isTextual()) {
      return false;
    }
    int index = node.get("index").intValue();
    if (index < 0 || index >= header.requests() || done.get(index)) {
      throw Failure.usage(
          "%s:%d: a result with index %d does not belong here; give another --output"
              .formatted(file, number, index));
    }
    try {
      remember(index, Long.parseUnsignedLong(node.get("request").textValue(), 16));
    } catch (NumberFormatException e) {
      return false;
    }
    return true;
  }

  private Failure noResults() {
    return Failure.usage(
        "%s holds something else than results of a job; give another --output".formatted(file));
  }

  private Failure inUse() {
    return Failure.usage("%s is being written by another run".formatted(file));
  }

  private void remember(int index, long digest) {
    if (index >= digests.length) {
      digests = Arrays.copyOf(digests, Math.max(index + 1, digests.length * 2));
    }
    digests[index] = digest;
    done.set(index);
  }

  /** Reads up to a line's end; returns whether there was one. */
  private boolean readLine(BufferedInputStream in, ByteArrayOutputStream line) throws IOException {
    line.reset();
    for (int next = in.read(); next >= 0; next = in.read()) {
      if (next == '\n') {
        return true;
      }
      if (line.size() == LONGEST_LINE) {
        throw noResults();
      }
      line.write(next);
    }
    return false;
  }

  private static boolean begins(byte[] whole, byte[] part) {
    return part.length <= whole.length
        && Arrays.equals(whole, 0, part.length, part, 0, part.length);
  }

  private static byte[] line(ObjectNode node) {
    try {
      return (Json.MAPPER.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private void write(byte[] line) throws IOException {
    var rest = ByteBuffer.wrap(line);
    while (rest.hasRemaining()) {
      channel.write(rest);
    }
    channel.force(true);
    length += line.length;
  }

  private static void forceFolder(Path folder) {
    try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true); // the new name itself
    } catch (IOException e) {
      return; // some systems cannot open a folder; the file itself is on the disk
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw Failure.machine("%s cannot be closed: %s".formatted(file, e.getMessage()));
    }
  }
}
