package dev.stowage.runtime.session;

import dev.stowage.runtime.weights.RowReader;
import java.util.concurrent.locks.LockSupport;

/**
 * The read lane: a thread that loads the weights of stops into the slots of a ring, ahead of the
 * compute lane and in the order in which the sweep will need them. A sweep is the same every time,
 * so the sequence is cyclic: the first loads of the next sweep run while this one ends.
 *
 * <pre>
 *   read lane      load 0   load 1   load 2            load 3
 *   slot             0        1        0 (once freed)    1
 *   compute lane            ── 0 ──  ── 1 ──           ── 2 ──
 * </pre>
 */
final class WeightStream implements AutoCloseable {
  private static final int SPINS = 200;

  private final RowReader[][][] readers; // [slot][entry][reader]
  private final Recorded[][] recorded; // [entry][reader]
  private final int slots;
  private final int entries;
  private final Thread thread;
  private volatile long loaded; // entries ready, counted over all sweeps
  private volatile long released; // entries the compute lane is done with
  private volatile Thread waiting;
  private volatile Throwable failure;
  private volatile boolean closed;
  private volatile long bytes;
  private long acquired;

  /**
   * @param readers for every slot of the ring, for every entry of the sequence, the reads that fill
   *     it
   * @param recorded for every entry of the sequence, what its reads are heard of as
   */
  WeightStream(RowReader[][][] readers, Recorded[][] recorded) {
    this.readers = readers;
    this.recorded = recorded;
    slots = readers.length;
    entries = readers[0].length;
    thread = Thread.ofPlatform().daemon().name("stowage-read").unstarted(this::load);
  }

  /** The lane and the work that a read is heard of as. */
  record Recorded(Recorder.Lane lane, Recorder.Work work) {
    void read(RowReader reader) {
      lane.read(reader, work);
    }
  }

  void start() {
    thread.start();
  }

  /**
   * Waits for the next entry of the sequence; returns the slot it lies in. It stays there until
   * {@link #release}.
   */
  int acquire() {
    long entry = acquired++;
    int spins = 0;
    while (loaded <= entry) {
      if (failure != null) {
        rethrow();
      }
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (loaded <= entry && failure == null) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
    return (int) (entry % slots);
  }

  /** Bytes loaded so far. */
  long bytes() {
    return bytes;
  }

  /** Frees the slot of the entry acquired last. */
  void release() {
    released = acquired;
    LockSupport.unpark(thread);
  }

  private void load() {
    try {
      for (long entry = 0; !closed; entry++) {
        while (!closed && entry - released >= slots) {
          LockSupport.park(this);
        }
        if (closed) {
          return;
        }
        int at = (int) (entry % entries);
        var reads = readers[(int) (entry % slots)][at];
        for (int i = 0; i < reads.length; i++) {
          recorded[at][i].read(reads[i]);
          bytes += reads[i].bytes();
        }
        loaded = entry + 1;
        LockSupport.unpark(waiting);
      }
    } catch (Throwable e) {
      failure = e;
      LockSupport.unpark(waiting);
    }
  }

  private void rethrow() {
    switch (failure) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
