package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TokenGroupsTest {
  @Test
  void sixteenTokensOfAHeadOf128HalvesFillAPage() {
    assertEquals(new TokenGroups(256, 16, 1), TokenGroups.of(256, 4096));
  }

  @Test
  void rowsThatDoNotDivideAPageArePadded() {
    assertEquals(new TokenGroups(320, 12, 1), TokenGroups.of(320, 4096));
  }

  @Test
  void rowsLongerThanAPageTakeSeveral() {
    assertEquals(new TokenGroups(8192, 1, 2), TokenGroups.of(8192, 4096));
  }

  @Test
  void atMostAnEighthIsPadding() {
    for (int rowBytes = 2; rowBytes < 20_000; rowBytes += 2) {
      var groups = TokenGroups.of(rowBytes, 4096);
      int all = groups.pages() * 4096;
      assertTrue(groups.tokens() >= 1, groups::toString);
      assertTrue(groups.bytes() <= all && (all - groups.bytes()) * 8L <= all, groups::toString);
      assertTrue(groups.pages() <= 8 * Math.ceilDiv(rowBytes, 4096), groups::toString);
    }
  }
}
