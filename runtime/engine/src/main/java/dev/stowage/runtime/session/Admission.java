package dev.stowage.runtime.session;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.KvRegion;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;

/**
 * When a request may begin: first come, first served, as soon as a slot is free and every KV region
 * that is not there whole will have room until the request ends. What a running sequence will hold
 * after every sweep to come is known, for it grows by a chunk of its prompt or by one token; one
 * that ends early holds less. So no sequence ever has to give way to another.
 *
 * <pre>
 *   bytes │      ╱│  ╱│         three sequences, begun one after another: their sum stays under
 *         │    ╱╱ │╱╱ │         what all of them would hold at their longest
 *         └──────────────▶ sweeps
 * </pre>
 *
 * <p>Requests that begin together end together, and the cache would be full and then empty. So they
 * begin at distances: each gets a share of the time in which a block of the longest requests passes
 * through all slots, by the positions that it holds over all its sweeps. All requests that wait
 * begin at once if there is room for as many of the longest.
 */
final class Admission {
  private static final double EARLY = 1e-9; // sums of distances are not exact

  private final BatchShape batch;
  private final Room[] rooms; // an array, for a list's iterator is an object a sweep
  private final double distanceOfPosition; // sweeps until the next may begin
  private final long[] began; // sweep before the first one of the slot's sequence
  private final int[] prompts;
  private final int[] sweeps; // of the slot's sequence; 0 if it is free
  private final BitSet full = new BitSet(); // rooms without room for the request at hand
  private long now;
  private double wait; // sweeps until the next may begin

  /**
   * The room of one region.
   *
   * @param held bytes of the running sequences after every sweep to come: no sequence takes more
   *     sweeps than it has positions, so that after sweep {@code t} lies at {@code t} modulo those
   */
  private record Room(KvRegion region, KvPages pages, long[] held) {
    long after(long sweep) {
      return held[(int) (sweep % held.length)];
    }

    void add(long sweep, long bytes) {
      held[(int) (sweep % held.length)] += bytes;
    }
  }

  /**
   * @param regions those that are not there whole, and their pages
   */
  Admission(BatchShape batch, Map<KvRegion, KvPages> regions) {
    this.batch = batch;
    rooms =
        regions.entrySet().stream()
            .map(e -> new Room(e.getKey(), e.getValue(), new long[batch.tokens()]))
            .toArray(Room[]::new);
    began = new long[batch.sequences()];
    prompts = new int[batch.sequences()];
    sweeps = new int[batch.sequences()];
    distanceOfPosition =
        (double) batch.sweeps()
            / batch.sequences()
            / positions(batch.promptTokens(), 1, batch.sweeps());
  }

  /** Whether any region is not there whole. */
  boolean limits() {
    return rooms.length > 0;
  }

  /** Nothing runs from now on. */
  void begin() {
    for (var room : rooms) {
      Arrays.fill(room.held(), 0);
    }
    Arrays.fill(sweeps, 0);
    wait = 0;
  }

  /** Whether any slot is free. */
  boolean hasFreeSlot() {
    return freeSlots() > 0;
  }

  private int freeSlots() {
    int free = 0;
    for (int each : sweeps) {
      free += each == 0 ? 1 : 0;
    }
    return free;
  }

  /**
   * A free slot in which a request begins now; -1 if it may not yet.
   *
   * @param prompt its tokens
   * @param tokens positions that it will have stored at its end
   * @param waiting how many more requests wait
   */
  int admit(int prompt, int tokens, int waiting) {
    int needed = batch.sweeps(prompt, tokens);
    int free = freeSlots();
    boolean inTurn = rooms.length == 0 || wait <= EARLY || free == sweeps.length;
    if (!inTurn && (waiting >= free || !allFit(prompt, needed, waiting))) {
      return -1;
    }
    full.clear();
    for (int slot = 0; slot < sweeps.length; slot++) {
      if (sweeps[slot] == 0 && fits(slot, prompt, needed)) {
        began[slot] = now;
        prompts[slot] = prompt;
        sweeps[slot] = needed;
        count(slot, now, 1);
        if (inTurn) {
          wait = Math.min(wait, 0) + positions(prompt, 1, needed) * distanceOfPosition;
        }
        return slot;
      }
    }
    return -1;
  }

  /** Whether a request has room in every region of a slot until it ends. */
  private boolean fits(int slot, int prompt, int needed) {
    for (int i = 0; i < rooms.length; i++) {
      var room = rooms[i];
      if (room.region().sequences().contains(slot)) {
        if (!full.get(i) && !fits(room, prompt, needed)) {
          full.set(i);
        }
        if (full.get(i)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean fits(Room room, int prompt, int needed) {
    for (int sweep = 1; sweep <= needed; sweep++) {
      long bytes = room.pages().bytes(batch.storedAfter(prompt, sweep));
      if (room.after(now + sweep) + bytes > room.pages().capacityBytes()) {
        return false;
      }
    }
    return true;
  }

  /** Whether a request and all that wait would fit, each as long as the longest, begun together. */
  private boolean allFit(int prompt, int needed, int waiting) {
    for (var room : rooms) {
      for (int sweep = 1; sweep <= Math.max(needed, batch.sweeps()); sweep++) {
        long bytes = sweep > needed ? 0 : room.pages().bytes(batch.storedAfter(prompt, sweep));
        if (sweep <= batch.sweeps()) {
          bytes += waiting * room.pages().bytes(batch.storedAfter(sweep));
        }
        if (room.after(now + sweep) + bytes > room.pages().capacityBytes()) {
          return false;
        }
      }
    }
    return true;
  }

  /** A sweep is over. */
  void swept() {
    now++;
    for (var room : rooms) {
      room.held()[(int) (now % room.held().length)] = 0;
    }
    wait = Math.max(wait - 1, -1);
  }

  /** A slot's sequence has ended, as late as it had to or earlier. */
  void end(int slot) {
    count(slot, now, -1);
    int done = (int) (now - began[slot]);
    wait -= positions(prompts[slot], done + 1, sweeps[slot]) * distanceOfPosition;
    wait = Math.max(wait, -1);
    sweeps[slot] = 0;
  }

  /** Counts what a slot's sequence will hold after the sweeps that follow one. */
  private void count(int slot, long after, int sign) {
    for (var room : rooms) {
      if (room.region().sequences().contains(slot)) {
        for (long sweep = after + 1; sweep <= began[slot] + sweeps[slot]; sweep++) {
          int stored = batch.storedAfter(prompts[slot], (int) (sweep - began[slot]));
          room.add(sweep, sign * room.pages().bytes(stored));
        }
      }
    }
  }

  /** Positions held by a sequence over some of its sweeps. */
  private double positions(int prompt, int from, int to) {
    double sum = 0;
    for (int sweep = from; sweep <= to; sweep++) {
      sum += batch.storedAfter(prompt, sweep);
    }
    return sum;
  }
}
