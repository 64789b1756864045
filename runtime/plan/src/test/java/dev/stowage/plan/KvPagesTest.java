package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KvPagesTest {
  private static final long SEED = 20_260_802;

  private static KvRegion region(Range sequences, Range tokens) {
    return new KvRegion(
        "kv", Range.upTo(3), sequences, Range.upTo(2), tokens, "ram", "ram", Optional.empty());
  }

  @Test
  void everyRunIsHeldInWholePagesOfItsOwn() {
    var pages = new KvPages(new Range(10, 200), 3, 4, 128, 0); // 32 tokens a page
    assertEquals(0, pages.bytes(10));
    assertEquals(3 * 4 * 4096, pages.bytes(11));
    assertEquals(3 * 4 * 4096, pages.bytes(42));
    assertEquals(3 * 4 * 2 * 4096, pages.bytes(43));
    assertEquals(pages.longestBytes(), pages.bytes(1000));
    assertEquals(6 * 4096, pages.runBytes());
  }

  @Test
  void sequencesGrowByChunksOfThePromptAndThenByTokens() {
    var batch = new BatchShape(4, 1, 10, 3, 4, true);
    assertEquals(5, batch.sweeps());
    int[] stored = {0, 4, 8, 10, 11, 12};
    for (int sweep = 0; sweep < stored.length; sweep++) {
      assertEquals(stored[sweep], batch.storedAfter(sweep), "after " + sweep);
    }
    assertEquals(batch.tokens(), batch.storedAfter(batch.sweeps()));
  }

  /** FlexGen, section 4.1: of long outputs the diagonal holds half, of long prompts all. */
  @Test
  void roomIsThatOfAllAges() {
    var all = Range.upTo(100);
    var longOutputs = new BatchShape(100, 1, 16, 4081, 16, true);
    var room = KvPages.steady(region(all, Range.upTo(longOutputs.tokens())), 4, 128, longOutputs);
    assertEquals(0.51, (double) room.capacityBytes() / (100 * room.longestBytes()), 0.01);
    var longPrompts = new BatchShape(100, 1, 4080, 17, 4080, true);
    var full = KvPages.steady(region(all, Range.upTo(longPrompts.tokens())), 4, 128, longPrompts);
    assertEquals(1, (double) full.capacityBytes() / (100 * full.longestBytes()), 0.01);
  }

  /** Wherever in time it is looked at, sequences at even distances hold no more than the room. */
  @Test
  void roomIsEnoughAtAnyMoment() {
    for (int i = 0; i < 300; i++) {
      long seed = SEED + i;
      var random = new Random(seed);
      var batch =
          new BatchShape(
              1 + random.nextInt(30),
              1,
              1 + random.nextInt(40),
              random.nextInt(80),
              1 + random.nextInt(40),
              true);
      int from = random.nextInt(batch.tokens());
      var tokens = new Range(from, from + 1 + random.nextInt(batch.tokens() - from));
      var sequences = Range.upTo(batch.sequences());
      var pages =
          KvPages.steady(
              region(sequences, tokens), 1 + random.nextInt(4), 1 + random.nextInt(999), batch);
      int sweeps = batch.sweeps();
      for (int moment = 1; moment <= 2 * sweeps; moment++) {
        long held = 0;
        for (long n = -batch.sequences(); n <= 3L * batch.sequences(); n++) {
          long begins = Math.ceilDiv(n * sweeps, (long) batch.sequences());
          long age = moment - begins;
          held += age > 0 && age <= sweeps ? pages.bytes(batch.storedAfter((int) age)) : 0;
        }
        assertTrue(held <= pages.capacityBytes(), "seed %d at %d".formatted(seed, moment));
      }
      assertTrue(pages.longestBytes() <= pages.capacityBytes(), "seed " + seed);
    }
  }
}
