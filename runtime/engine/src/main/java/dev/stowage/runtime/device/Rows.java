package dev.stowage.runtime.device;

/**
 * The tokens of one pass: mutable, made once, filled anew for every pass. Rows of one sequence are
 * neighbours, in the order of their positions.
 */
public final class Rows {
  private final int[] slots;
  private final int[] positions;
  private final int[] starts;
  private int count;

  public Rows(int capacity) {
    slots = new int[capacity];
    positions = new int[capacity];
    starts = new int[capacity];
  }

  public void clear() {
    count = 0;
  }

  /**
   * Adds a row.
   *
   * @param slot the sequence's slot in the block
   * @param position the token's position in its sequence
   * @param start the first position of this sequence in this pass: what lies before it is stored,
   *     the rest is not yet
   */
  public void add(int slot, int position, int start) {
    slots[count] = slot;
    positions[count] = position;
    starts[count] = start;
    count++;
  }

  public int count() {
    return count;
  }

  /** The row after the last of the sequence that {@code row} belongs to. */
  public int endOfRun(int row) {
    int end = row + 1;
    while (end < count && slots[end] == slots[row]) {
      end++;
    }
    return end;
  }

  public int slot(int row) {
    return slots[row];
  }

  public int position(int row) {
    return positions[row];
  }

  public int start(int row) {
    return starts[row];
  }

  /** Positions of all rows, for kernels; valid up to {@link #count}. */
  public int[] positions() {
    return positions;
  }
}
