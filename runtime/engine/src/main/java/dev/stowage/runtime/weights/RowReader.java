package dev.stowage.runtime.weights;

import dev.stowage.plan.model.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.zip.CRC32C;

/**
 * One read of neighbouring rows to one place, made once and repeated. Used by one thread at a time.
 */
public final class RowReader {
  /** A buffer counts in ints, so long reads are cut. */
  private static final long CHUNK = 1L << 30;

  private final FileChannel channel;
  private final Tensor tensor;
  private final long offset;
  private final long bytes;
  private final ByteBuffer[] chunks;
  private final int sum;
  private boolean checked;

  /**
   * @param offset of the first byte, in the file
   * @param target where the bytes go: native, and exactly as long
   */
  RowReader(FileChannel channel, Tensor tensor, long offset, MemorySegment target) {
    this(channel, tensor, offset, target, 0);
    checked = true;
  }

  /**
   * @param sum the CRC-32C that the bytes have when they are read for the first time
   */
  RowReader(FileChannel channel, Tensor tensor, long offset, MemorySegment target, int sum) {
    this.sum = sum;
    if (!target.isNative()) {
      throw new IllegalArgumentException("rows are read into native memory only");
    }
    this.channel = channel;
    this.tensor = tensor;
    this.offset = offset;
    bytes = target.byteSize();
    chunks = new ByteBuffer[Math.toIntExact((bytes + CHUNK - 1) / CHUNK)];
    for (int i = 0; i < chunks.length; i++) {
      long start = i * CHUNK;
      chunks[i] = target.asSlice(start, Math.min(CHUNK, bytes - start)).asByteBuffer();
    }
  }

  /** Bytes of one read. */
  public long bytes() {
    return bytes;
  }

  /**
   * Reads all bytes.
   *
   * @throws UncheckedIOException if the file ends early or fails; the message is one line for the
   *     user
   */
  public void read() {
    read(0);
    if (!checked) {
      check();
      checked = true;
    }
  }

  private void check() {
    var crc = new CRC32C();
    for (var chunk : chunks) {
      crc.update(chunk.duplicate().flip());
    }
    if ((int) crc.getValue() != sum) {
      throw failure("the file is damaged; delete it", new IOException("wrong checksum"));
    }
  }

  /** Reads as many bytes from {@code skip} bytes further on. */
  void read(long skip) {
    long position = offset + skip;
    for (var chunk : chunks) {
      chunk.clear();
      while (chunk.hasRemaining()) {
        int count;
        try {
          count = channel.read(chunk, position);
        } catch (IOException e) {
          throw failure(String.valueOf(e), e);
        }
        if (count < 0) {
          throw failure(
              "the file ends at byte %d of %d".formatted(position, offset + skip + bytes),
              new IOException("short read"));
        }
        position += count;
      }
    }
  }

  private UncheckedIOException failure(String what, IOException cause) {
    return new UncheckedIOException(
        "%s: reading tensor %s: %s".formatted(tensor.file(), tensor.name(), what), cause);
  }
}
