package dev.stowage.runtime.session;

import dev.stowage.plan.Schedule;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.KvStore;
import java.util.Arrays;
import java.util.List;

/**
 * A bound plan: arrays of commands, and the memory behind them. Running a sweep can fail only if a
 * device does.
 *
 * <p>The head runs for as many picked rows at a time as there is room for logits; each such block
 * is handed to the {@link LogitsConsumer}.
 */
final class Program {
  /** Takes the logits of a micro-batch's picked rows {@code pass.pickFrom .. pass.pickTo}. */
  interface LogitsConsumer {
    void logits(Pass pass);
  }

  private final Command[][] stops;
  private final int[] layers; // of every stop, or -1
  private final int[] waits; // for every stop, the first command that may wait for attention
  private final int flights;
  private final int[] word;
  private final int[] entries; // for every letter of the word, the read lane's entry it uses, or -1
  private final boolean[] usesLast; // for every letter, whether no other uses its entry after it
  private final Pass[] passes;
  private final int picksAtOnce;
  private final int[] stages; // of every stop
  private final WeightStream[] streams; // of every stage; null where all its weights are resident
  private final int[] held; // of every stage, the read lane's entry in use, or -1
  private final int[] slots; // where that lies
  private final List<Lane> lanes;
  private final List<KvStore> stores;
  private final List<Device> devices;

  /**
   * @param layers of every stop; -1 outside the layers
   * @param waits for every stop, the first command that may wait for a lane; the number of its
   *     commands where none does
   * @param flights passes of one stop that may be under way together
   * @param stages the number of every stop's stage
   * @param streams of every stage; null where all its weights are resident
   */
  Program(
      Command[][] stops,
      int[] layers,
      int[] waits,
      int flights,
      int[] word,
      int[] entries,
      Pass[] passes,
      int picksAtOnce,
      int[] stages,
      WeightStream[] streams,
      List<Lane> lanes,
      List<KvStore> stores,
      List<Device> devices) {
    this.stops = stops;
    this.layers = layers;
    this.waits = waits;
    this.flights = flights;
    this.word = word;
    this.entries = entries;
    usesLast = usesLast(word, entries, stages, streams.length);
    this.passes = passes;
    this.picksAtOnce = picksAtOnce;
    this.stages = stages;
    this.streams = streams;
    held = new int[streams.length];
    slots = new int[streams.length];
    this.lanes = List.copyOf(lanes);
    this.stores = List.copyOf(stores);
    this.devices = List.copyOf(devices);
  }

  private static boolean[] usesLast(int[] word, int[] entries, int[] stages, int count) {
    var last = new boolean[entries.length];
    var at = new int[Arrays.stream(word).max().orElse(0) + 1];
    Arrays.fill(at, stages.length);
    var seen = new int[count];
    Arrays.fill(seen, Integer.MAX_VALUE);
    for (int i = entries.length - 1; i >= 0; i--) {
      int stage = stages[--at[word[i]]];
      last[i] = entries[i] >= 0 && entries[i] < seen[stage];
      seen[stage] = entries[i] >= 0 ? entries[i] : seen[stage];
    }
    return last;
  }

  /**
   * For every letter of a schedule's word, the number of the load it uses among its stage's, or -1:
   * neighbouring letters at one stop share a load, whatever other stages do between them.
   *
   * @param stages the number of every stop's stage
   * @see Schedule#word
   */
  static int[] entries(int[] word, int microBatches, boolean[] stopLoads, int[] stages) {
    var entries = new int[word.length];
    var at = new int[microBatches];
    int count = Arrays.stream(stages).max().orElse(0) + 1;
    var entry = new int[count];
    var loadedStop = new int[count];
    Arrays.fill(entry, -1);
    Arrays.fill(loadedStop, -1);
    for (int i = 0; i < word.length; i++) {
      int stop = at[word[i]]++;
      int stage = stages[stop];
      if (!stopLoads[stop]) {
        entries[i] = -1;
      } else {
        if (stop != loadedStop[stage]) {
          entry[stage]++;
          loadedStop[stage] = stop;
        }
        entries[i] = entry[stage];
      }
    }
    return entries;
  }

  Pass[] passes() {
    return passes;
  }

  List<Device> devices() {
    return devices;
  }

  /** Weight bytes the read lane has brought so far. */
  long streamedBytes() {
    long bytes = 0;
    for (var stream : streams) {
      bytes += stream == null ? 0 : stream.bytes();
    }
    return bytes;
  }

  /** Forgets what a slot holds, for its next request. */
  void clear(int slot) {
    for (int i = 0; i < stores.size(); i++) {
      stores.get(i).clear(slot);
    }
  }

  /** Bytes that stores hold now of regions that are not there whole. */
  long heldBytes() {
    long bytes = 0;
    for (int i = 0; i < stores.size(); i++) {
      bytes += stores.get(i).heldBytes();
    }
    return bytes;
  }

  /**
   * Takes every micro-batch that has rows through all its stops. Of neighbouring micro-batches at
   * one stop, the next one runs up to where it waits for its attention before the one before it
   * goes on from there.
   */
  void sweep(LogitsConsumer consumer) {
    Arrays.fill(held, -1);
    int flight = 0;
    Pass waiting = null;
    for (int i = 0; i < word.length; i++) {
      var pass = passes[word[i]];
      int entry = entries[i];
      if (waiting != null && waiting.stop != pass.stop + 1) {
        finish(waiting);
        waiting = null;
      }
      int stop = pass.stop++;
      int stage = stages[stop];
      if (entry >= 0 && entry != held[stage]) {
        if (held[stage] >= 0) {
          streams[stage].release();
        }
        slots[stage] = streams[stage].acquire();
        held[stage] = entry;
      }
      pass.next = i + 1 < word.length ? passes[word[i + 1]] : null;
      pass.nextLayer = pass.next == null ? -1 : layers[pass.next.stop];
      if (pass.rows.count() == 0) {
        continue;
      }
      pass.ringSlot = slots[stage];
      pass.stream = streams[stage];
      pass.usesLast = usesLast[i];
      if (stop < stops.length - 1) {
        flight = (flight + 1) % flights;
        pass.flight = flight;
        if (waiting != null && flights == 1) {
          finish(waiting);
          waiting = null;
        }
        run(stops[stop], 0, waits[stop], pass);
        if (waiting != null) {
          finish(waiting);
        }
        waiting = pass;
      } else {
        for (int pick = 0; pick < pass.pickCount; pick += picksAtOnce) {
          pass.pickFrom = pick;
          pass.pickTo = Math.min(pick + picksAtOnce, pass.pickCount);
          pass.usesLast = usesLast[i] && pass.pickTo == pass.pickCount;
          run(stops[stop], 0, stops[stop].length, pass);
          consumer.logits(pass);
        }
      }
    }
    if (waiting != null) {
      finish(waiting);
    }
    for (int stage = 0; stage < held.length; stage++) {
      if (held[stage] >= 0) {
        streams[stage].release();
      }
    }
    for (int i = 0; i < lanes.size(); i++) {
      lanes.get(i).drain();
    }
  }

  /** The rest of the stop that a pass has begun. */
  private void finish(Pass pass) {
    int stop = pass.stop - 1;
    run(stops[stop], waits[stop], stops[stop].length, pass);
  }

  private static void run(Command[] commands, int from, int to, Pass pass) {
    for (int i = from; i < to; i++) {
      commands[i].run(pass);
    }
  }
}
