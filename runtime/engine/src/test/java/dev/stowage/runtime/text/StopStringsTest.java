package dev.stowage.runtime.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {
  private static final long SEED = 20_260_101;

  @Test
  void lettersThatMayBeginAStopStringWaitForTheNextPiece() {
    var stops = new StopStrings(List.of("END"));
    assertEquals("the ", stops.add("the E"));
    assertEquals("Eagle", stops.add("agle"));
    assertEquals("", stops.add("EN"));
    assertEquals("EN", stops.finish());
    assertFalse(stops.found());
  }

  @Test
  void nothingFromTheStopStringOnIsLetThrough() {
    var stops = new StopStrings(List.of("\n\n", "Q:"));
    assertEquals("A: yes", stops.add("A: yes\n"));
    assertEquals("\n", stops.add("Q"));
    assertEquals("", stops.add(": why?"));
    assertTrue(stops.found());
    assertEquals("", stops.add("more"));
    assertEquals("", stops.finish());
  }

  @Test
  void theStopStringThatIsCompleteFirstEndsTheText() {
    assertEquals("a", new StopStrings(List.of("cd", "b")).add("abcd"));
    assertEquals("ab", new StopStrings(List.of("bcd", "c")).add("abcd"));
    assertEquals("a", new StopStrings(List.of("c", "bc")).add("abcd"));
  }

  @Test
  void piecesOfAnySizeGiveTheSameText() {
    var random = new Random(SEED);
    for (int round = 0; round < 2_000; round++) {
      String text = word(random, random.nextInt(30));
      var list = new ArrayList<String>();
      for (int i = random.nextInt(3); i > 0; i--) {
        list.add(word(random, 1 + random.nextInt(4)));
      }
      int end = text.length();
      search:
      for (int complete = 1; complete <= text.length(); complete++) {
        for (int start = 0; start < complete; start++) {
          if (list.contains(text.substring(start, complete))) {
            end = start;
            break search;
          }
        }
      }
      var stops = new StopStrings(list);
      var shown = new StringBuilder();
      for (int from = 0; from < text.length(); ) {
        int to = Math.min(text.length(), from + 1 + random.nextInt(5));
        shown.append(stops.add(text.substring(from, to)));
        from = to;
      }
      shown.append(stops.finish());
      assertEquals(
          text.substring(0, end),
          shown.toString(),
          "seed %d round %d: '%s' until %s".formatted(SEED, round, text, list));
    }
  }

  @Test
  void anEmptyStopStringIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new StopStrings(List.of("")));
  }

  private static String word(Random random, int length) {
    var word = new StringBuilder();
    for (int i = 0; i < length; i++) {
      word.append((char) ('a' + random.nextInt(2)));
    }
    return word.toString();
  }
}
