package dev.stowage.optimizer;

/**
 * Whole numbers the optimizer may choose from: {@code from}, {@code from + step}, … up to {@code
 * to}.
 *
 * @param from at least 0
 * @param to at least {@code from}
 * @param step at least 1
 */
public record Choices(int from, int to, int step) {
  public Choices {
    if (from < 0 || to < from || step < 1) {
      throw new IllegalArgumentException("choices %d..%d step %d".formatted(from, to, step));
    }
  }

  /** One number, and nothing to choose. */
  public static Choices fixed(int value) {
    return new Choices(value, value, 1);
  }

  /** Every number from {@code from} to {@code to}, both included. */
  public static Choices range(int from, int to) {
    return new Choices(from, to, 1);
  }

  public boolean allows(int value) {
    return from <= value && value <= to && (value - from) % step == 0;
  }

  /** The largest choice. */
  public int last() {
    return to - (to - from) % step;
  }

  /** The largest choice that is at most {@code value}, or the smallest choice. */
  public int atMost(int value) {
    if (value >= last()) {
      return last();
    }
    return value <= from ? from : value - (value - from) % step;
  }

  /** The smallest choice that is at least {@code value}, or the largest choice. */
  public int atLeast(int value) {
    int below = atMost(value);
    return below >= value || below == last() ? below : below + step;
  }
}
