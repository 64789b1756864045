package dev.stowage.compiler.simulate;

import java.util.Arrays;

/** For every buffer, when something last ended there, and on which lane. */
final class Moments {
  private final int[] instances;
  private final int microBatches;
  private final double[] seconds;
  private final int[] lanes;
  private double last;
  private int lastLane = -1;

  /**
   * @param instances of every buffer; one that has several has one for every micro-batch
   */
  Moments(int[] instances, int microBatches) {
    this.instances = instances;
    this.microBatches = microBatches;
    seconds = new double[instances.length * microBatches];
    lanes = new int[seconds.length];
    Arrays.fill(lanes, -1);
  }

  void set(int buffer, int microBatch, double end, int lane) {
    int at = at(buffer, microBatch);
    if (end > seconds[at]) {
      seconds[at] = end;
      lanes[at] = lane;
    }
    if (end > last) {
      last = end;
      lastLane = lane;
    }
  }

  double seconds(int buffer, int microBatch) {
    return seconds[at(buffer, microBatch)];
  }

  int lane(int buffer, int microBatch) {
    return lanes[at(buffer, microBatch)];
  }

  /** The latest moment of all. */
  double last() {
    return last;
  }

  int lastLane() {
    return lastLane;
  }

  private int at(int buffer, int microBatch) {
    return buffer * microBatches + (instances[buffer] > 1 ? microBatch : 0);
  }
}
