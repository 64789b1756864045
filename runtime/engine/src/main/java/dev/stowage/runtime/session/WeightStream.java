package dev.stowage.runtime.session;

import dev.stowage.runtime.storage.Request;
import dev.stowage.runtime.weights.WeightLoad;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * The read lane: loads the weights of stops into the slots of a ring, ahead of the compute lane and
 * in the order in which the sweep will need them. A sweep is the same every time, so the sequence
 * is cyclic: the first loads of the next sweep run while this one ends.
 *
 * <pre>
 *   read lane      load 0   load 1   load 2            load 3
 *   slot             0        1        0 (once freed)    1
 *   compute lane            ── 0 ──  ── 1 ──           ── 2 ──
 * </pre>
 *
 * Every load is a list of requests. Two threads take one after the other, so that the disk has
 * always the next one at hand: with one it pauses between them, and more than two gain nothing.
 */
final class WeightStream implements AutoCloseable {
  static final int THREADS = 2;

  private static final int SPINS = 200;

  /** Where entries go from the slots they are read to: on to a device that computes. */
  interface Onward {
    /** The compute lane will start no more work that reads a slot. */
    void released(int slot);

    /** Waits until what was started before the slot was released has run. */
    void claim(int slot);

    /** Brings on what has been read of an entry of the sequence to a slot. */
    void bring(int slot, int index);
  }

  /** A load, and what it is heard of as. */
  record Heard(WeightLoad load, Recorder.Reading reading) {}

  /** What fills a slot for one entry of the sequence. */
  private static final class Fill {
    final Request[] requests;
    final Recorder.Reading[] readings; // of every request, that which it is part of
    final WeightLoad[] loads;

    Fill(List<Heard> heard) {
      loads = heard.stream().map(Heard::load).toArray(WeightLoad[]::new);
      requests =
          Arrays.stream(loads).flatMap(load -> load.requests().stream()).toArray(Request[]::new);
      readings =
          heard.stream()
              .flatMap(h -> Collections.nCopies(h.load().requests().size(), h.reading()).stream())
              .toArray(Recorder.Reading[]::new);
    }
  }

  private final Onward onward; // null where the slots are what the compute lane reads
  private final Fill[][] fills; // [slot][entry]
  private final int[] entryOf; // a sweep's requests, in order: which entry each belongs to
  private final int[] firsts; // of every entry, its first request
  private final int slots;
  private final int entries;
  private final Thread[] threads = new Thread[THREADS];
  private final AtomicLong taken = new AtomicLong(); // requests, counted over all sweeps
  private final AtomicIntegerArray left; // of a slot's entry, requests that have not come
  private final AtomicLongArray ready; // of every slot, the entry it holds; -1 before the first
  private final AtomicLong bytes = new AtomicLong();
  private volatile long released; // entries the compute lane is done with
  private volatile Thread waiting;
  private volatile Throwable failure;
  private volatile boolean closed;
  private long acquired;

  /**
   * @param loads for every slot of the ring, for every entry of the sequence, the loads that fill
   *     it; at least one for each
   */
  WeightStream(List<List<List<Heard>>> loads) {
    this(loads, null);
  }

  /**
   * @param onward null where the slots are what the compute lane reads
   */
  WeightStream(List<List<List<Heard>>> loads, Onward onward) {
    this.onward = onward;
    slots = loads.size();
    entries = loads.getFirst().size();
    fills =
        loads.stream()
            .map(slot -> slot.stream().map(Fill::new).toArray(Fill[]::new))
            .toArray(Fill[][]::new);
    firsts = new int[entries + 1];
    for (int entry = 0; entry < entries; entry++) {
      firsts[entry + 1] = firsts[entry] + fills[0][entry].requests.length;
    }
    entryOf = new int[firsts[entries]];
    for (int entry = 0; entry < entries; entry++) {
      Arrays.fill(entryOf, firsts[entry], firsts[entry + 1], entry);
    }
    left = new AtomicIntegerArray(slots);
    ready = new AtomicLongArray(slots);
    for (int slot = 0; slot < slots; slot++) {
      left.set(slot, fills[slot][slot % entries].requests.length);
      ready.set(slot, -1);
    }
    for (int i = 0; i < THREADS; i++) {
      threads[i] = Thread.ofPlatform().daemon().name("stowage-read-" + i).unstarted(this::load);
    }
  }

  void start() {
    for (var thread : threads) {
      thread.start();
    }
  }

  /**
   * Waits for the next entry of the sequence; returns the slot it lies in. It stays there until
   * {@link #release}.
   */
  int acquire() {
    long entry = acquired++;
    int slot = (int) (entry % slots);
    int spins = 0;
    while (ready.get(slot) != entry) {
      if (failure != null) {
        throw Failures.unchecked(failure);
      }
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (ready.get(slot) != entry && failure == null) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
    return slot;
  }

  /** Bytes loaded so far. */
  long bytes() {
    return bytes.get();
  }

  /** Frees the slot of the entry acquired last. */
  void release() {
    if (onward != null) {
      onward.released((int) ((acquired - 1) % slots));
    }
    released = acquired;
    for (var thread : threads) {
      LockSupport.unpark(thread);
    }
  }

  private void load() {
    try {
      while (true) {
        long number = taken.getAndIncrement();
        int request = (int) (number % entryOf.length);
        int index = entryOf[request];
        long entry = number / entryOf.length * entries + index;
        while (!closed && failure == null && entry - released >= slots) {
          LockSupport.park(this);
        }
        if (closed || failure != null) {
          return;
        }
        int slot = (int) (entry % slots);
        var fill = fills[slot][index];
        int at = request - firsts[index];
        if (onward != null) {
          onward.claim(slot);
        }
        fill.readings[at].begin();
        fill.requests[at].read();
        bytes.addAndGet(fill.requests[at].bytes()); // before it is heard of
        fill.readings[at].end();
        if (left.decrementAndGet(slot) == 0) {
          finish(slot, entry, fill);
        }
      }
    } catch (Throwable e) {
      failure = e;
      LockSupport.unpark(waiting);
      for (var thread : threads) {
        LockSupport.unpark(thread);
      }
    }
  }

  /** The last request of an entry has come. */
  private void finish(int slot, long entry, Fill fill) {
    for (var load : fill.loads) {
      load.check();
    }
    if (onward != null) {
      onward.bring(slot, (int) (entry % entries));
    }
    left.set(slot, fills[slot][(int) ((entry + slots) % entries)].requests.length);
    ready.set(slot, entry);
    LockSupport.unpark(waiting);
  }

  @Override
  public void close() {
    closed = true;
    for (var thread : threads) {
      Failures.end(thread);
    }
  }
}
