package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
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
  void sparseRegionsKeepKeysTwiceAndASumOfValues() {
    var box = new Range(0, 2);
    var dense = new KvRegion("a", box, box, box, new Range(0, 10), "ram", "ram", Optional.empty());
    var sparse =
        new KvRegion(
            "a", box, box, box, new Range(0, 10), "ram", "ram", Optional.of(new Sparsity(1, 0.5)));
    assertEquals(2 * 2 * 2 * 10 * 2 * 16 * 2, dense.bytes(16, ElementType.F16));
    assertEquals(
        1.5 * dense.bytes(16, ElementType.F16) + 2 * 2 * 2 * 16 * 4,
        sparse.bytes(16, ElementType.F16));
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
