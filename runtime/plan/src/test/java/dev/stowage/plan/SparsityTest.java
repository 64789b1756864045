package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class SparsityTest {
  @Test
  void anEighthOfTheBytesIsAnEighthOfTheChannelsAndASixteenthOfTheTokens() {
    var eighth = Sparsity.ofBytes(1 / 8.0, 128);
    assertEquals(new Sparsity(16, 1 / 16.0), eighth);
    // what chooses reads channels of every key, what attends reads keys and values of the chosen
    double bytes = 1024 * eighth.channels() + 2 * eighth.tokensOf(1024) * 128;
    assertEquals(1 / 8.0, bytes / (2 * 1024 * 128));
  }

  @Test
  void someTokenIsAlwaysRead() {
    var few = new Sparsity(1, 0.01);
    assertEquals(0, few.tokensOf(0));
    assertEquals(1, few.tokensOf(3));
    assertEquals(2, few.tokensOf(200));
    assertEquals(7, new Sparsity(1, 1).tokensOf(7));
  }

  @Test
  void partsOutsideTheCacheAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Sparsity(0, 0.5));
    assertThrows(IllegalArgumentException.class, () -> new Sparsity(1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sparsity(1, 1.5));
    assertThrows(IllegalArgumentException.class, () -> new Sparsity(1, Double.NaN));
  }
}
