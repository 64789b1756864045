package dev.stowage.compiler.simulate;

import java.util.Arrays;

/**
 * Seconds that one step keeps resources busy; they work on it side by side. Beside them, seconds
 * that it takes of other resources without waiting for them. Filled, then read.
 */
final class Work {
  private int[] lanes = new int[4];
  private double[] seconds = new double[4];
  private int count;
  private Work leaked; // null where there is nothing

  /** Adds seconds that are taken of a resource which the step does not wait for. */
  void leak(int lane, double more) {
    if (leaked == null) {
      leaked = new Work();
    }
    leaked.add(lane, more);
  }

  /** What the step takes of resources that it does not wait for; null for nothing. */
  Work leaked() {
    return leaked;
  }

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

  /** The seconds of a lane. */
  double secondsOf(int lane) {
    for (int i = 0; i < count; i++) {
      if (lanes[i] == lane) {
        return seconds[i];
      }
    }
    return 0;
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
