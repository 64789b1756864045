package dev.stowage.runtime.weights;

import dev.stowage.runtime.storage.Request;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32C;

/** The requests that bring rows to a place; they may run side by side. */
public final class WeightLoad {
  /** A buffer counts in ints. */
  private static final long PIECE = 1L << 30;

  private final RowSpan span; // null for rows from memory
  private final List<Request> requests;
  private final MemorySegment rows;
  private boolean checked;

  WeightLoad(RowSpan span, List<Request> requests, MemorySegment rows) {
    this.span = span;
    this.requests = requests;
    this.rows = rows;
    checked = span.sum().isEmpty();
  }

  /** Rows that come from memory, and are known to be whole. */
  public static WeightLoad fromMemory(Request request) {
    return new WeightLoad(List.of(request));
  }

  private WeightLoad(List<Request> requests) {
    this.requests = requests;
    span = null;
    rows = MemorySegment.NULL;
    checked = true;
  }

  public List<Request> requests() {
    return requests;
  }

  /**
   * Checks rows with a known sum when they have come for the first time.
   *
   * @throws UncheckedIOException if they are not what was stored
   */
  public void check() {
    if (!checked) {
      check(span, rows);
      checked = true;
    }
  }

  static void check(RowSpan span, MemorySegment rows) {
    var crc = new CRC32C();
    for (long at = 0; at < rows.byteSize(); at += PIECE) {
      ByteBuffer piece = rows.asSlice(at, Math.min(PIECE, rows.byteSize() - at)).asByteBuffer();
      crc.update(piece);
    }
    if ((int) crc.getValue() != span.sum().orElseThrow()) {
      throw new UncheckedIOException(
          "%s: reading tensor %s: the file is damaged; delete it"
              .formatted(span.file().path(), span.tensor().name()),
          new IOException("wrong checksum"));
    }
  }
}
