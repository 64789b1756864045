package dev.stowage.runtime.weights;

import dev.stowage.plan.Footprint;
import dev.stowage.plan.model.Tensor;
import dev.stowage.runtime.storage.Chunk;
import dev.stowage.runtime.storage.StoredFile;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * Where neighbouring rows lie in a file.
 *
 * @param tensor what they belong to, named in errors
 * @param offset of the first byte, in the file
 * @param sum the CRC-32C that the bytes have, where it is known
 */
public record RowSpan(StoredFile file, Tensor tensor, long offset, long bytes, OptionalInt sum) {
  public RowSpan {
    Objects.requireNonNull(file);
    Objects.requireNonNull(tensor);
    Objects.requireNonNull(sum);
    if (offset < 0 || bytes < 1) {
      throw new IllegalArgumentException("%d bytes at %d".formatted(bytes, offset));
    }
  }

  /** Whether the rows are read in whole pages. */
  public boolean inPages() {
    return bytes >= Footprint.DIRECT_BYTES;
  }

  /** Room that the rows need in a ring. */
  public long roomBytes() {
    return inPages() ? Footprint.spanBytes(bytes) : Footprint.align(bytes);
  }

  /** Where in their room the rows begin. */
  public int shift() {
    return inPages() ? StoredFile.shift(offset) : 0;
  }

  /**
   * Prepares to bring the rows to their room, again and again.
   *
   * @param room {@link #roomBytes} of native memory; that of many rows begins where a page does
   */
  public WeightLoad load(MemorySegment room) {
    var rows = room.asSlice(shift(), bytes);
    return inPages()
        ? new WeightLoad(this, List.copyOf(chunks(0, bytes, room)), rows)
        : new WeightLoad(this, List.of(new RowReader(this, rows)), rows);
  }

  /**
   * The requests that bring some of the bytes in whole pages.
   *
   * @param from the first of them
   * @param room native memory that begins where a page does; see {@link StoredFile#chunks}
   */
  public List<Chunk> chunks(long from, long count, MemorySegment room) {
    return file.chunks("tensor " + tensor.name(), offset + from, count, room);
  }

  /** Some of the bytes, where no sum is known. */
  RowSpan part(long from, long length) {
    if (sum.isPresent() || from < 0 || length > bytes - from) {
      throw new IllegalArgumentException("%d bytes at %d of %d".formatted(length, from, bytes));
    }
    return new RowSpan(file, tensor, offset + from, length, OptionalInt.empty());
  }

  /** Prepares to read the rows to the start of a segment, through the page cache. */
  public RowReader reader(MemorySegment target) {
    return new RowReader(this, target.asSlice(0, bytes));
  }
}
