package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdmissionTest {
  private static final long SEED = 20_260_801;

  static Stream<Long> seeds() {
    return LongStream.range(0, 200).map(i -> SEED + i).boxed();
  }

  /** A sequence that runs, advanced token by token. */
  private static final class Running {
    final int prompt;
    final int end; // positions stored at its end
    final int lives; // sweeps until it ends, perhaps early
    int stored;
    int age;

    Running(int prompt, int end, int lives) {
      this.prompt = prompt;
      this.end = end;
      this.lives = lives;
    }

    Running(Running other) {
      this(other.prompt, other.end, Integer.MAX_VALUE);
      stored = other.stored;
      age = other.age;
    }

    boolean ended() {
      return age == lives || stored == end;
    }

    void advance(int chunk) {
      stored = stored < prompt ? Math.min(prompt, stored + chunk) : stored + 1;
      age++;
    }
  }

  /** Whether what runs, and one more in a slot, keep within every region's room, sweep by sweep. */
  private static boolean fits(
      BatchShape batch, Map<KvRegion, KvPages> regions, Running[] slots, int slot, Running more) {
    var all = new Running[slots.length];
    for (int i = 0; i < slots.length; i++) {
      all[i] = slots[i] == null ? null : new Running(slots[i]);
    }
    all[slot] = new Running(more);
    for (int sweep = 0; sweep < batch.tokens(); sweep++) {
      for (int i = 0; i < all.length; i++) {
        if (all[i] != null && all[i].ended()) {
          all[i] = null;
        }
        if (all[i] != null) {
          all[i].advance(batch.prefillChunk());
        }
      }
      for (var region : regions.entrySet()) {
        if (held(region.getKey(), region.getValue(), all) > region.getValue().capacityBytes()) {
          return false;
        }
      }
    }
    return true;
  }

  private static long held(KvRegion region, KvPages pages, Running[] slots) {
    long bytes = 0;
    for (int slot = region.sequences().from(); slot < region.sequences().to(); slot++) {
      bytes += slots[slot] == null ? 0 : pages.bytes(slots[slot].stored);
    }
    return bytes;
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatIsHeldNeverExceedsTheRoomAndWhatFitsBegins(long seed) {
    var random = new Random(seed);
    int sequences = 1 + random.nextInt(8);
    var batch =
        new BatchShape(
            sequences, 1, 1 + random.nextInt(20), random.nextInt(60), 1 + random.nextInt(24), true);
    var regions = regions(random, batch);
    var admission = new Admission(batch, regions);
    admission.begin();
    var waiting = new ArrayList<Running>();
    int count = 1 + random.nextInt(30);
    for (int i = 0; i < count; i++) {
      int prompt = 1 + random.nextInt(batch.tokens());
      int end = prompt + random.nextInt(batch.tokens() - prompt + 1);
      int sweeps = batch.sweeps(prompt, end);
      waiting.add(
          new Running(prompt, end, random.nextInt(3) == 0 ? 1 + random.nextInt(sweeps) : sweeps));
    }
    var slots = new Running[sequences];
    String of = "seed " + seed;
    int running = 0;
    for (int sweep = 0; !waiting.isEmpty() || running > 0; sweep++) {
      assertTrue(sweep < count * (batch.tokens() + 1), of + ": a request waits for ever");
      while (!waiting.isEmpty() && admission.hasFreeSlot()) {
        var next = waiting.getFirst();
        int told = waiting.size() - 1;
        int slot = admission.admit(next.prompt, next.end, told);
        if (slot < 0) {
          boolean anywhere = false;
          for (int i = 0; i < sequences; i++) {
            anywhere |= slots[i] == null && fits(batch, regions, slots, i, next);
          }
          assertTrue(!anywhere || told > 0 || regions.size() > 1, of + ": the last one fits");
          assertTrue(running > 0, of + ": nothing runs, so it must begin");
          break;
        }
        assertTrue(slots[slot] == null, of + ": the slot is taken");
        assertTrue(fits(batch, regions, slots, slot, next), of + ": it will not fit");
        slots[slot] = waiting.removeFirst();
        running++;
      }
      for (var each : slots) {
        if (each != null) {
          each.advance(batch.prefillChunk());
        }
      }
      regions.forEach(
          (region, pages) ->
              assertTrue(held(region, pages, slots) <= pages.capacityBytes(), of + region));
      admission.swept();
      for (int slot = 0; slot < sequences; slot++) {
        if (slots[slot] != null && slots[slot].ended()) {
          admission.end(slot);
          slots[slot] = null;
          running--;
        }
      }
    }
  }

  /** Regions cut by sequences or tokens, with room for the longest sequence at least. */
  private static Map<KvRegion, KvPages> regions(Random random, BatchShape batch) {
    var all = new LinkedHashMap<KvRegion, KvPages>();
    boolean bySequences = random.nextBoolean();
    int length = bySequences ? batch.sequences() : batch.tokens();
    int cut = random.nextInt(length + 1);
    for (var range : List.of(new Range(0, cut), new Range(cut, length))) {
      if (!range.isEmpty()) {
        var tokens = bySequences ? Range.upTo(batch.tokens()) : range;
        var sequences = bySequences ? range : Range.upTo(batch.sequences());
        var pages = new KvPages(tokens, 2, 1 + random.nextInt(4), 1 + random.nextInt(3000), 0);
        long longest = pages.longestBytes();
        all.put(
            new KvRegion(
                "kv." + range.from(),
                Range.upTo(2),
                sequences,
                Range.upTo(1),
                tokens,
                "ram",
                "ram",
                Optional.empty()),
            pages.withCapacity(longest + (long) (random.nextDouble() * 3 * longest)));
      }
    }
    return all;
  }

  /** Equal requests begin at even distances, and the planned room is enough for all slots. */
  @Test
  void aSteadyStreamFillsAllSlotsInThePlannedRoom() {
    for (var batch :
        List.of(
            new BatchShape(10, 1, 8, 40, 8, true),
            new BatchShape(7, 1, 30, 100, 4, true),
            new BatchShape(90, 1, 16, 20, 16, true))) {
      var region =
          new KvRegion(
              "kv",
              Range.upTo(2),
              Range.upTo(batch.sequences()),
              Range.upTo(1),
              Range.upTo(batch.tokens()),
              "ram",
              "ram",
              Optional.empty());
      var room = KvPages.steady(region, 2, 4096, batch);
      long whole = batch.sequences() * room.longestBytes();
      assertTrue(room.capacityBytes() < 0.85 * whole, room + " of " + whole);
      int requests = 5 * batch.sequences();
      var admission = new Admission(batch, Map.of(region, room));
      admission.begin();
      var ends = new long[batch.sequences()];
      int begun = 0;
      int most = 0;
      long sweep = 0;
      for (int running = 0; begun < requests || running > 0; sweep++) {
        while (begun < requests && admission.hasFreeSlot()) {
          int slot = admission.admit(batch.promptTokens(), batch.tokens(), requests - begun - 1);
          if (slot < 0) {
            break;
          }
          ends[slot] = sweep + batch.sweeps();
          begun++;
          running++;
        }
        most = Math.max(most, running);
        admission.swept();
        for (int slot = 0; slot < ends.length; slot++) {
          if (ends[slot] == sweep + 1) {
            admission.end(slot);
            running--;
          }
        }
      }
      assertEquals(batch.sequences(), most);
      double lastBegins = (requests - 1.0) / batch.sequences() * batch.sweeps();
      assertEquals(lastBegins + batch.sweeps(), sweep, 0.05 * batch.sweeps(), batch.toString());
    }
  }
}
