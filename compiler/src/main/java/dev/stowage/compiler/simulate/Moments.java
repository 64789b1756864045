package dev.stowage.compiler.simulate;

import java.util.Arrays;

/** For every part of every buffer, when something last ended there, and on which lane. */
final class Moments {
  private final int parts;
  private final double[] seconds;
  private final int[] lanes;
  private double last;
  private int lastLane = -1;

  /**
   * @param parts most that one buffer has
   */
  Moments(int buffers, int parts) {
    this.parts = parts;
    seconds = new double[buffers * parts];
    lanes = new int[seconds.length];
    Arrays.fill(lanes, -1);
  }

  void set(int buffer, int part, double end, int lane) {
    int at = buffer * parts + part;
    if (end > seconds[at]) {
      seconds[at] = end;
      lanes[at] = lane;
    }
    if (end > last) {
      last = end;
      lastLane = lane;
    }
  }

  double seconds(int buffer, int part) {
    return seconds[buffer * parts + part];
  }

  int lane(int buffer, int part) {
    return lanes[buffer * parts + part];
  }

  /** The latest moment of all. */
  double last() {
    return last;
  }

  int lastLane() {
    return lastLane;
  }
}
