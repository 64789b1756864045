package dev.stowage.runtime.session;

import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;

/** The pass of one micro-batch in the sweep at hand: made once, filled anew for every sweep. */
final class Pass {
  final int microBatch;
  final Rows rows;
  final int[] tokens; // [rows] ids
  final int[] picks; // [rows] rows that get logits, upward
  final MemorySegment waiting; // [rows, hidden] between stops; null where they stay
  int pickCount;

  /** Hidden states, {@code [rows, hidden]}; those that wait elsewhere lie here while at a stop. */
  MemorySegment hidden;

  /** The picked rows that the head works on now. */
  int pickFrom;

  int pickTo;

  /** Stop that the micro-batch is at. */
  int stop;

  /** Which instance of what attention reads and writes is this pass's. */
  int flight;

  /** The pass that takes the next stop of the sweep, and its layer there; null or -1 for none. */
  Pass next;

  int nextLayer;

  /** Brings the stop's loaded weights, if it has any. */
  WeightStream stream;

  /** Where they lie. */
  int ringSlot;

  /** Whether no other pass uses them after this one. */
  boolean usesLast;

  Pass(int microBatch, int capacity, MemorySegment hidden) {
    this(microBatch, capacity, hidden, null);
  }

  /**
   * @param waiting where hidden states are between stops; null where they stay
   */
  Pass(int microBatch, int capacity, MemorySegment hidden, MemorySegment waiting) {
    this.microBatch = microBatch;
    this.hidden = hidden;
    this.waiting = waiting;
    rows = new Rows(capacity);
    tokens = new int[capacity];
    picks = new int[capacity];
  }

  void clear() {
    rows.clear();
    pickCount = 0;
    stop = 0;
  }

  void add(int token, int slot, int position, int start, boolean continues, boolean pick) {
    int row = rows.count();
    tokens[row] = token;
    rows.add(slot, position, start, continues);
    if (pick) {
      picks[pickCount++] = row;
    }
  }
}
