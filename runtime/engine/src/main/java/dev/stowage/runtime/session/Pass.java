package dev.stowage.runtime.session;

import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;

/** The pass of one micro-batch in the sweep at hand: made once, filled anew for every sweep. */
final class Pass {
  final int microBatch;
  final Rows rows;
  final int[] tokens; // [rows] ids
  final int[] picks; // [rows] rows that get logits, upward
  final MemorySegment hidden; // [rows, hidden]
  int pickCount;

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

  /** Where the stop's loaded weights lie, if it has any. */
  int ringSlot;

  Pass(int microBatch, int capacity, MemorySegment hidden) {
    this.microBatch = microBatch;
    this.hidden = hidden;
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
