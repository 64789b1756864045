package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class LongPlanTest {
  private static long nanos(String text) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 8; i++) {
      long start = System.nanoTime();
      StowParser.parse(text, Path.of("long.stow"));
      best = Math.min(best, System.nanoTime() - start);
    }
    return best;
  }

  @Test
  void aLongPlanIsWithoutDiagnostics() {
    assertEquals(
        List.of(), StowParser.parse(CheckSpeed.plan(2000), Path.of("l.stow")).diagnostics());
  }

  /** Twice the text takes about twice the time: 16 times as much would mean a square somewhere. */
  @Test
  void theTimeOfACheckGrowsWithTheTextNotWithItsSquare() {
    long some = nanos(CheckSpeed.plan(500));
    long more = nanos(CheckSpeed.plan(4000));
    assertTrue(more < 28 * some, "500 lines: " + some + " ns, 4000 lines: " + more + " ns");
  }
}
