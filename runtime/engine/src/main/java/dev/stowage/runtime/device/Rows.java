package dev.stowage.runtime.device;

/**
 * The tokens of one pass: mutable, made once, filled anew for every pass. Rows of one sequence are
 * neighbours, in the order of their positions.
 */
public final class Rows {
  private final int[] slots;
  private final int[] positions;
  private final int[] starts;
  private final boolean[] continuing;
  private int count;

  public Rows(int capacity) {
    slots = new int[capacity];
    positions = new int[capacity];
    starts = new int[capacity];
    continuing = new boolean[capacity];
  }

  public void clear() {
    count = 0;
  }

  /** Adds a row of a prompt: see {@link #add(int, int, int, boolean)}. */
  public void add(int slot, int position, int start) {
    add(slot, position, start, false);
  }

  /**
   * Adds a row.
   *
   * @param slot the sequence's slot in the block
   * @param position the token's position in its sequence
   * @param start the first position of this sequence in this pass: what lies before it is stored,
   *     the rest is not yet
   * @param continues whether the token continues a prompt, alone of its sequence: then attention
   *     over sparse regions reads a part only
   */
  public void add(int slot, int position, int start, boolean continues) {
    if (continues && start != position) {
      throw new IllegalArgumentException(
          "position %d continues what is stored up to %d".formatted(position, start));
    }
    slots[count] = slot;
    positions[count] = position;
    starts[count] = start;
    continuing[count] = continues;
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

  /** Whether the row continues a prompt. */
  public boolean continues(int row) {
    return continuing[row];
  }

  /** Positions of all rows, for kernels; valid up to {@link #count}. */
  public int[] positions() {
    return positions;
  }
}
