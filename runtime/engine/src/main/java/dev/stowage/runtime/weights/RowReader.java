package dev.stowage.runtime.weights;

import dev.stowage.runtime.storage.Request;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A read of neighbouring rows, through the page cache. */
public final class RowReader implements Request {
  /** A buffer counts in ints, so long reads are cut. */
  private static final long CHUNK = 1L << 30;

  private final RowSpan span;
  private final MemorySegment target;
  private final ByteBuffer[] chunks;
  private boolean checked;

  /**
   * @param target where the bytes go: native, and exactly as long
   */
  RowReader(RowSpan span, MemorySegment target) {
    if (!target.isNative()) {
      throw new IllegalArgumentException("rows are read into native memory only");
    }
    this.span = span;
    this.target = target;
    checked = span.sum().isEmpty();
    long bytes = target.byteSize();
    chunks = new ByteBuffer[Math.toIntExact((bytes + CHUNK - 1) / CHUNK)];
    for (int i = 0; i < chunks.length; i++) {
      long start = i * CHUNK;
      chunks[i] = target.asSlice(start, Math.min(CHUNK, bytes - start)).asByteBuffer();
    }
  }

  @Override
  public long bytes() {
    return target.byteSize();
  }

  @Override
  public void read() {
    read(0);
    if (!checked) {
      WeightLoad.check(span, target);
      checked = true;
    }
  }

  /** Reads as many bytes from {@code skip} bytes further on. */
  void read(long skip) {
    long position = span.offset() + skip;
    for (var chunk : chunks) {
      chunk.clear();
      while (chunk.hasRemaining()) {
        int count;
        try {
          count = span.file().channel().read(chunk, position);
        } catch (IOException e) {
          throw failure(String.valueOf(e), e);
        }
        if (count < 0) {
          throw failure(
              "the file ends at byte %d of %d"
                  .formatted(position, span.offset() + skip + target.byteSize()),
              new IOException("short read"));
        }
        position += count;
      }
    }
  }

  private UncheckedIOException failure(String what, IOException cause) {
    return new UncheckedIOException(
        "%s: reading tensor %s: %s".formatted(span.file().path(), span.tensor().name(), what),
        cause);
  }
}
