package dev.stowage.runtime.kernel.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads a part of some weight rows into a cache, a little at a time between the products of those
 * before them: products that take a chunk of every row in turn are too short for the hardware to
 * read ahead of them.
 */
final class ReadAhead {
  private static final int CACHE_LINE = 64;

  private MemorySegment weights;
  private boolean halves;
  private long first;
  private long stride;
  private int rows;
  private long bytes; // of each
  private int row; // among them
  private long at; // in it
  private long share;
  private int special;
  private int sum; // without meaning; it keeps reading from being left out

  /**
   * Begins a part of some rows.
   *
   * @param halves whether they are F16, among which Inf and NaN are looked for
   * @param first where that of the first row begins
   * @param stride bytes from one row to the next
   * @param bytes of each
   * @param steps in which they are read
   */
  void begin(
      MemorySegment weights,
      boolean halves,
      long first,
      long stride,
      int rows,
      long bytes,
      int steps) {
    this.weights = weights;
    this.halves = halves;
    this.first = first;
    this.stride = stride;
    this.rows = rows;
    this.bytes = bytes;
    row = 0;
    at = 0;
    special = 0;
    long lines = (bytes + CACHE_LINE - 1) / CACHE_LINE;
    int each = Math.max(1, steps / rows);
    share = (lines + each - 1) / each * CACHE_LINE;
  }

  /** Reads a share of a row. */
  void step() {
    if (row < rows) {
      long from = first + row * stride + at;
      long n = Math.min(share, bytes - at);
      if (halves) {
        special |= Pairs.special(weights, from, (int) n / 2) ? 1 << row : 0;
      } else {
        sum += read(weights, from, n);
      }
      at += n;
      if (at == bytes) {
        at = 0;
        row++;
      }
    }
  }

  /**
   * Reads what is left, and keeps nothing reachable.
   *
   * @return a bit for each row in which Inf or NaN was found
   */
  int finish() {
    while (row < rows) {
      step();
    }
    rows = 0;
    weights = null;
    return special;
  }

  private static int read(MemorySegment weights, long from, long bytes) {
    int sum = 0;
    for (long i = 0; i < bytes; i += CACHE_LINE) {
      sum += weights.get(ValueLayout.JAVA_BYTE, from + i);
    }
    return sum;
  }
}
