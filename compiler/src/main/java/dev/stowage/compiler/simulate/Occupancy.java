package dev.stowage.compiler.simulate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * When a resource is busy. Work is put where the resource is free from a moment on, in several
 * pieces where what was given before leaves gaps: a link with several streams, a processor with
 * several queues.
 */
final class Occupancy {
  private double[] starts = new double[8];
  private double[] ends = new double[8];
  private int count;
  private double busy;
  private final List<Piece> added = new ArrayList<>();

  /** A part of one work, between what was given before. */
  record Piece(double start, double end) {}

  /**
   * Adds work; returns when it ends.
   *
   * @param from not before the moment last forgotten
   */
  double add(double from, double seconds) {
    busy += seconds;
    return take(from, seconds);
  }

  /** As {@link #add}, of time in which the resource does nothing of its own. */
  double take(double from, double seconds) {
    double at = from;
    double left = seconds;
    added.clear();
    int i = after(at);
    while (true) {
      if (i < count && starts[i] <= at) {
        at = Math.max(at, ends[i]);
        i++;
        continue;
      }
      double gap = i < count ? starts[i] - at : Double.POSITIVE_INFINITY;
      double piece = Math.min(gap, left);
      added.add(new Piece(at, at + piece));
      i = insert(i, at, at + piece);
      at += piece;
      left -= piece;
      if (left <= 0) {
        return at;
      }
    }
  }

  /** The first interval that ends after a moment. */
  private int after(double moment) {
    int found = Arrays.binarySearch(ends, 0, count, moment);
    return found < 0 ? -found - 1 : found + 1;
  }

  /** The pieces of the work added last, until more is added. */
  List<Piece> added() {
    return added;
  }

  double busySeconds() {
    return busy;
  }

  /** Nothing will be added before that moment. */
  void forget(double before) {
    int gone = after(before);
    if (gone > 0) {
      System.arraycopy(starts, gone, starts, 0, count - gone);
      System.arraycopy(ends, gone, ends, 0, count - gone);
      count -= gone;
    }
  }

  /** Inserts a busy piece before interval {@code i}; returns the first that ends after it. */
  private int insert(int i, double start, double end) {
    boolean joinsBefore = i > 0 && ends[i - 1] == start;
    boolean joinsAfter = i < count && starts[i] == end;
    if (joinsBefore && joinsAfter) {
      ends[i - 1] = ends[i];
      System.arraycopy(starts, i + 1, starts, i, count - i - 1);
      System.arraycopy(ends, i + 1, ends, i, count - i - 1);
      count--;
      return i - 1;
    }
    if (joinsBefore) {
      ends[i - 1] = end;
      return i;
    }
    if (joinsAfter) {
      starts[i] = start;
      return i;
    }
    if (count == starts.length) {
      starts = Arrays.copyOf(starts, 2 * count);
      ends = Arrays.copyOf(ends, 2 * count);
    }
    System.arraycopy(starts, i, starts, i + 1, count - i);
    System.arraycopy(ends, i, ends, i + 1, count - i);
    starts[i] = start;
    ends[i] = end;
    count++;
    return i + 1;
  }
}
