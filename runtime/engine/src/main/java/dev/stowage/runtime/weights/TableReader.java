package dev.stowage.runtime.weights;

import java.lang.foreign.MemorySegment;

/** Reads one row at a time of a matrix, any row, to one place. Used by one thread at a time. */
public final class TableReader {
  private final RowReader reader;
  private final long rowBytes;

  /**
   * @param first the matrix's first row
   */
  TableReader(RowSpan first, MemorySegment target) {
    reader = new RowReader(first, target);
    rowBytes = target.byteSize();
  }

  /**
   * Reads a row.
   *
   * @throws java.io.UncheckedIOException if the file ends early or fails; the message is one line
   *     for the user
   */
  public void read(int row) {
    reader.read(row * rowBytes);
  }
}
