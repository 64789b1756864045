package dev.stowage.runtime.session;

import dev.stowage.runtime.storage.Request;
import dev.stowage.runtime.weights.WeightLoad;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

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
 * Where there is more than one slot, the lanes meet at single loads, not at stops: the compute lane
 * begins when the first matrix of its stop has come, and what it is done with makes room at once.
 * So neither waits for the other's whole stop, and both may be a little early or late.
 *
 * <p>Every load is a list of requests. Two threads take one after the other, so that the disk has
 * always the next one at hand: with one it pauses between them, and more than two gain nothing.
 */
final class WeightStream implements AutoCloseable {
  static final int THREADS = 2;

  private static final int SPINS = 200;

  /** What a reader that waits for no room waits for. */
  private static final long NOTHING = Long.MAX_VALUE;

  /** Where entries go from the slots they are read to: on to a device that computes. */
  interface Onward {
    /** The compute lane will start no more work that reads a slot. */
    void released(int slot);

    /** Waits until what was started before the slot was released has run. */
    void claim(int slot);

    /** Brings on what has been read of an entry of the sequence to a slot. */
    void bring(int slot, int index);
  }

  /**
   * A load, what it is heard of as, and its room in the slot.
   *
   * @param from where its room begins, in bytes
   * @param to where it ends
   */
  record Heard(WeightLoad load, Recorder.Reading reading, long from, long to) {}

  /** What fills a slot for one entry of the sequence. */
  private static final class Fill {
    final Heard[] loads; // in the order they are used
    final Request[] requests;
    final int[] loadOf; // of every request

    Fill(List<Heard> heard) {
      loads = heard.toArray(Heard[]::new);
      requests = heard.stream().flatMap(h -> h.load().requests().stream()).toArray(Request[]::new);
      loadOf =
          IntStream.range(0, loads.length)
              .flatMap(i -> loads[i].load().requests().stream().mapToInt(request -> i))
              .toArray();
    }

    int requests(int load) {
      return loads[load].load().requests().size();
    }

    /** How much of the slot, from its beginning, is free once a load and those before it are. */
    long freeAfter(int load) {
      return Arrays.stream(loads, load + 1, loads.length)
          .mapToLong(Heard::from)
          .min()
          .orElse(loads[load].to());
    }
  }

  private final Onward onward; // null where the slots are what the compute lane reads
  private final boolean byLoads; // whether the lanes meet at loads; else at entries
  private final Fill[][] fills; // [slot][entry]
  private final long[][] free; // [entry][load] what of the slot is free after it
  private final int[] entryOf; // a sweep's requests, in order: which entry each belongs to
  private final int[] firsts; // of every entry, its first request
  private final int slots;
  private final int entries;
  private final long slotBytes;
  private final Thread[] threads = new Thread[THREADS];
  private final AtomicLong taken = new AtomicLong(); // requests, counted over all sweeps

  // What is under way, of as many entries as may be at once and more: number % flights is its line
  private final int flights;
  private final AtomicIntegerArray[] left; // [line][load] requests that have not come
  private final AtomicIntegerArray loadsLeft; // [line] loads that have not come
  private final AtomicLongArray[] come; // [line][load] the last entry whose load has; -1 at first

  private final AtomicLong bytes = new AtomicLong();

  /** What the compute lane is done with: each entry counts a slot's bytes. */
  private volatile long released;

  /** Of every reader, what has to be released before it goes on. */
  private final AtomicLongArray awaited = new AtomicLongArray(THREADS);

  private volatile Thread waiting;
  private volatile Throwable failure;
  private volatile boolean closed;
  private long acquired;

  /**
   * @param loads for every slot of the ring, for every entry of the sequence, the loads that fill
   *     it in the order they are used; at least one for each
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
    byLoads = onward == null && slots > 1;
    entries = loads.getFirst().size();
    fills =
        loads.stream()
            .map(slot -> slot.stream().map(Fill::new).toArray(Fill[]::new))
            .toArray(Fill[][]::new);
    free =
        Arrays.stream(fills[0])
            .map(fill -> IntStream.range(0, fill.loads.length).mapToLong(fill::freeAfter).toArray())
            .toArray(long[][]::new);
    slotBytes =
        Arrays.stream(fills[0])
            .flatMap(fill -> Arrays.stream(fill.loads))
            .mapToLong(Heard::to)
            .max()
            .orElseThrow();
    firsts = new int[entries + 1];
    for (int entry = 0; entry < entries; entry++) {
      firsts[entry + 1] = firsts[entry] + fills[0][entry].requests.length;
    }
    entryOf = new int[firsts[entries]];
    for (int entry = 0; entry < entries; entry++) {
      Arrays.fill(entryOf, firsts[entry], firsts[entry + 1], entry);
    }
    flights = Math.ceilDiv(slots + 1, entries) * entries;
    left = new AtomicIntegerArray[flights];
    loadsLeft = new AtomicIntegerArray(flights);
    come = new AtomicLongArray[flights];
    for (int line = 0; line < flights; line++) {
      var fill = fills[0][line % entries];
      left[line] =
          new AtomicIntegerArray(
              IntStream.range(0, fill.loads.length).map(fill::requests).toArray());
      loadsLeft.set(line, fill.loads.length);
      come[line] = new AtomicLongArray(fill.loads.length);
      for (int load = 0; load < fill.loads.length; load++) {
        come[line].set(load, -1);
      }
    }
    for (int i = 0; i < THREADS; i++) {
      int reader = i;
      awaited.set(reader, NOTHING);
      threads[i] =
          Thread.ofPlatform().daemon().name("stowage-read-" + i).unstarted(() -> load(reader));
    }
  }

  void start() {
    for (var thread : threads) {
      thread.start();
    }
  }

  // -- the compute lane

  /**
   * Goes on to the next entry of the sequence; returns the slot it lies in, where its loads stay
   * until {@link #release}. They may have to be awaited one by one.
   */
  int acquire() {
    long entry = acquired++;
    if (!byLoads) {
      awaitAll(entry);
    }
    return (int) (entry % slots);
  }

  /** Waits for a load of the entry acquired last. */
  void await(int load) {
    await(acquired - 1, load);
  }

  /** Frees the room of a load of the entry acquired last, and of those before it. */
  void free(int load) {
    if (byLoads) {
      long entry = acquired - 1;
      advance(entry * slotBytes + free[(int) (entry % entries)][load]);
    }
  }

  /** Frees the slot of the entry acquired last. */
  void release() {
    awaitAll(acquired - 1);
    if (onward != null) {
      onward.released((int) ((acquired - 1) % slots));
    }
    advance(acquired * slotBytes);
  }

  /** Bytes loaded so far. */
  long bytes() {
    return bytes.get();
  }

  private void advance(long position) {
    released = position;
    for (int reader = 0; reader < THREADS; reader++) {
      if (awaited.get(reader) <= position) {
        LockSupport.unpark(threads[reader]);
      }
    }
  }

  private void awaitAll(long entry) {
    for (int load = 0; load < fills[0][(int) (entry % entries)].loads.length; load++) {
      await(entry, load);
    }
  }

  private void await(long entry, int load) {
    var last = come[(int) (entry % flights)];
    int spins = 0;
    while (last.get(load) != entry) {
      if (failure != null) {
        throw Failures.unchecked(failure);
      }
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (last.get(load) != entry && failure == null) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
  }

  // -- the read lane

  private void load(int reader) {
    try {
      while (true) {
        long number = taken.getAndIncrement();
        int request = (int) (number % entryOf.length);
        int index = entryOf[request];
        long entry = number / entryOf.length * entries + index;
        int slot = (int) (entry % slots);
        var fill = fills[slot][index];
        int at = request - firsts[index];
        int load = fill.loadOf[at];
        long position = (entry - slots) * slotBytes + fill.loads[load].to();
        awaitRoom(reader, position);
        if (closed || failure != null) {
          return;
        }
        if (onward != null) {
          onward.claim(slot);
        }
        fill.loads[load].reading().begin();
        fill.requests[at].read();
        bytes.addAndGet(fill.requests[at].bytes()); // before it is heard of
        fill.loads[load].reading().end();
        int line = (int) (entry % flights);
        if (left[line].decrementAndGet(load) == 0) {
          finish(slot, entry, fill, load);
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

  /** Waits until what lies before a position is released, or nothing more is to be read. */
  private void awaitRoom(int reader, long position) {
    if (position <= released) {
      return;
    }
    awaited.set(reader, position); // before looking again: either this sees what is released then
    while (!closed && failure == null && position > released) { // or who releases it sees this
      LockSupport.park(this);
    }
    awaited.set(reader, NOTHING);
  }

  /** The last request of a load has come. */
  private void finish(int slot, long entry, Fill fill, int load) {
    int line = (int) (entry % flights);
    fill.loads[load].load().check();
    left[line].set(load, fill.requests(load));
    if (onward == null) {
      come[line].set(load, entry);
    } else if (loadsLeft.decrementAndGet(line) == 0) {
      onward.bring(slot, (int) (entry % entries));
      loadsLeft.set(line, fill.loads.length);
      for (int i = 0; i < fill.loads.length; i++) {
        come[line].set(i, entry);
      }
    }
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
