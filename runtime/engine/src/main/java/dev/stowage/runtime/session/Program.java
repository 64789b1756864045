package dev.stowage.runtime.session;

import dev.stowage.plan.Schedule;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.KvStore;
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
  private final WeightStream stream; // null if all weights are resident
  private final List<Lane> lanes;
  private final List<KvStore> stores;
  private final List<Device> devices;

  /**
   * @param layers of every stop; -1 outside the layers
   * @param waits for every stop, the first command that may wait for a lane; the number of its
   *     commands where none does
   * @param flights passes of one stop that may be under way together
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
      WeightStream stream,
      List<Lane> lanes,
      List<KvStore> stores,
      List<Device> devices) {
    this.stops = stops;
    this.layers = layers;
    this.waits = waits;
    this.flights = flights;
    this.word = word;
    this.entries = entries;
    usesLast = usesLast(entries);
    this.passes = passes;
    this.picksAtOnce = picksAtOnce;
    this.stream = stream;
    this.lanes = List.copyOf(lanes);
    this.stores = List.copyOf(stores);
    this.devices = List.copyOf(devices);
    for (var pass : passes) {
      pass.stream = stream;
    }
  }

  private static boolean[] usesLast(int[] entries) {
    var last = new boolean[entries.length];
    int seen = Integer.MAX_VALUE;
    for (int i = entries.length - 1; i >= 0; i--) {
      last[i] = entries[i] >= 0 && entries[i] < seen;
      seen = entries[i] >= 0 ? entries[i] : seen;
    }
    return last;
  }

  /**
   * For every letter of a schedule's word, the number of the load it uses, or -1: neighbouring
   * letters at one stop share a load.
   *
   * @see Schedule#word
   */
  static int[] entries(int[] word, int microBatches, boolean[] stopLoads) {
    var entries = new int[word.length];
    var at = new int[microBatches];
    int entry = -1;
    int loadedStop = -1;
    for (int i = 0; i < word.length; i++) {
      int stop = at[word[i]]++;
      if (!stopLoads[stop]) {
        entries[i] = -1;
      } else {
        if (stop != loadedStop) {
          entry++;
          loadedStop = stop;
        }
        entries[i] = entry;
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
    return stream == null ? 0 : stream.bytes();
  }

  /** Forgets what a slot holds, for its next request. */
  void clear(int slot) {
    for (int i = 0; i < stores.size(); i++) {
      stores.get(i).clear(slot);
    }
  }

  /**
   * Takes every micro-batch that has rows through all its stops. Of neighbouring micro-batches at
   * one stop, the next one runs up to where it waits for its attention before the one before it
   * goes on from there.
   */
  void sweep(LogitsConsumer consumer) {
    int held = -1;
    int slot = 0;
    int flight = 0;
    Pass waiting = null;
    for (int i = 0; i < word.length; i++) {
      var pass = passes[word[i]];
      int entry = entries[i];
      if (waiting != null && waiting.stop != pass.stop + 1) {
        finish(waiting);
        waiting = null;
      }
      if (entry >= 0 && entry != held) {
        if (held >= 0) {
          stream.release();
        }
        slot = stream.acquire();
        held = entry;
      }
      int stop = pass.stop++;
      pass.next = i + 1 < word.length ? passes[word[i + 1]] : null;
      pass.nextLayer = pass.next == null ? -1 : layers[pass.next.stop];
      if (pass.rows.count() == 0) {
        continue;
      }
      pass.ringSlot = slot;
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
    if (held >= 0) {
      stream.release();
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
