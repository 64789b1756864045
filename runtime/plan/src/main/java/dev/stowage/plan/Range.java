package dev.stowage.plan;

/** The integers from {@code from} (included) to {@code to} (excluded); printed {@code from..to}. */
public record Range(int from, int to) {
  public Range {
    if (from < 0 || to < from) {
      throw new IllegalArgumentException(
          "a range runs upward from 0 or more, not " + from + ".." + to);
    }
  }

  /** The first {@code n} integers. */
  public static Range upTo(int n) {
    return new Range(0, n);
  }

  public int size() {
    return to - from;
  }

  public boolean isEmpty() {
    return from == to;
  }

  public boolean contains(int i) {
    return from <= i && i < to;
  }

  public boolean contains(Range other) {
    return from <= other.from && other.to <= to;
  }

  public boolean overlaps(Range other) {
    return Math.max(from, other.from) < Math.min(to, other.to);
  }

  @Override
  public String toString() {
    return from + ".." + to;
  }
}
