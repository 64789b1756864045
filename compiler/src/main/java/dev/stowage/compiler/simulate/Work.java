package dev.stowage.compiler.simulate;

import java.util.Arrays;

/** Seconds that one step keeps resources busy; they work on it side by side. Filled, then read. */
final class Work {
  private int[] lanes = new int[4];
  private double[] seconds = new double[4];
  private int count;

  void add(int lane, double more) {
    if (more <= 0) {
      return;
    }
    for (int i = 0; i < count; i++) {
      if (lanes[i] == lane) {
        seconds[i] += more;
        return;
      }
    }
    if (count == lanes.length) {
      lanes = Arrays.copyOf(lanes, 2 * count);
      seconds = Arrays.copyOf(seconds, 2 * count);
    }
    lanes[count] = lane;
    seconds[count++] = more;
  }

  int count() {
    return count;
  }

  int lane(int i) {
    return lanes[i];
  }

  double seconds(int i) {
    return seconds[i];
  }
}
