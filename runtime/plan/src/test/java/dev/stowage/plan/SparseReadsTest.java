package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SparseReadsTest {
  @Test
  void pagesOfAHandComputedStep() {
    // 4096-byte pages of 16 rows of 128 F16 numbers; 2 channels of 1024 tokens a page
    var reads =
        SparseReads.of(Sparsity.ofBytes(1 / 8.0, 128), 128, ElementType.F16, 4096, 2100, 3000);
    assertEquals(2, reads.channelsOfPage());
    assertEquals(2 * 2100 / 16.0, reads.dense());
    // 2 full runs of 64 channel pages each, of which 15/64 hold a chosen channel; 52 tokens left
    assertEquals(2 * 64 * 15 / 64.0 + 52 / 16.0, reads.choosing(), 1e-9);
    double page = 1 - Math.pow(15 / 16.0, 16 * 0.417);
    assertEquals(reads.dense() * page, reads.reading(), 1e-9);
  }

  @Test
  void anEighthOfTheBytesReadsAboutHalfOfThePages() {
    var eighth = Sparsity.ofBytes(1 / 8.0, 128);
    double share = SparseReads.of(eighth, 128, ElementType.F16, 4096, 1536, 2048).share();
    assertTrue(share > 0.4 && share < 0.65, "share " + share); // InstAttention's measured 0.467
  }

  @Test
  void longRegionsGiveAPageToOneChannelAndShortOnesToMany() {
    assertEquals(1, SparseReads.channelsOfPage(16, 128, 2048, 1 << 20));
    assertEquals(2, SparseReads.channelsOfPage(16, 128, 2048, 4096));
    assertTrue(SparseReads.channelsOfPage(16, 128, 2048, 512) >= 4);
    assertEquals(1, SparseReads.channelsOfPage(3, 27, 2048, 512), "27 channels are in no pairs");
  }

  @Test
  void readingAllTokensChoosesNone() {
    var all = SparseReads.of(new Sparsity(4, 1), 64, ElementType.F32, 4096, 100, 1000);
    assertEquals(0, all.choosing());
    assertEquals(1, all.share());
  }
}
