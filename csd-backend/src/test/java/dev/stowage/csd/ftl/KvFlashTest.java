package dev.stowage.csd.ftl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.flash.FlashImage;
import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KvFlashTest {
  private static final int SLOTS = 4;
  private static final int LAYERS = 8;
  private static final int TOKENS = 128; // four groups of 32

  private static final FlashGeometry GEOMETRY = new FlashGeometry(8, 4, 4, 8, 32, 4096);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 8, 12, 13})
  void whatALayerReadsOfAllSlotsIsSpreadEvenlyOverTheChannels(int heads) {
    var programmed = programmed(heads, 32);
    assertEquals(2 * SLOTS * heads, IntStream.of(programmed).sum());
    int even = Math.ceilDiv(2 * SLOTS * heads, GEOMETRY.channels());
    int most = IntStream.of(programmed).max().orElseThrow();
    assertTrue(most <= even + 1, "%d pages on one channel, %d are even".formatted(most, even));
  }

  @Test
  void theGroupsOfOneHeadLieOnSeveralChannels() {
    var programmed = programmed(1, TOKENS);
    assertTrue(IntStream.of(programmed).allMatch(pages -> pages > 0));
  }

  /** Pages of every channel, where all slots of one layer have so many tokens. */
  private int[] programmed(int heads, int tokens) {
    try (var image = FlashImage.create(folder.resolve("drive.flash"), GEOMETRY)) {
      var shape = new KvShape(SLOTS, LAYERS, heads, TOKENS, 64, ElementType.F16);
      var kv =
          new KvFlash(
              0,
              shape,
              new FlashTranslation(image),
              image.register(),
              GEOMETRY.channels(),
              GEOMETRY.pageBytes(),
              0,
              0,
              1 << 24);
      var row = MemorySegment.ofArray(new int[heads * 32]);
      for (int slot = 0; slot < SLOTS; slot++) {
        for (int token = 0; token < tokens; token++) {
          kv.append(slot, 3, row, 0, 0);
        }
      }
      kv.close();
      return IntStream.range(0, GEOMETRY.channels())
          .map(channel -> (int) image.pagesProgrammed(channel))
          .toArray();
    }
  }
}
