package dev.stowage.csd.flash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import org.junit.jupiter.api.Test;

class FlashGeometryTest {
  @Test
  void everyPageHasItsOwnPlace() {
    var geometry = new FlashGeometry(3, 2, 2, 4, 5, 64);
    var places = new HashSet<String>();
    for (int page = 0; page < geometry.pages(); page++) {
      assertTrue(geometry.pageInBlock(page) < 5);
      assertEquals(geometry.channelOf(page), geometry.superblockOf(page) / 4);
      assertEquals(geometry.superblockOf(page), geometry.blockOf(page) / 4);
      places.add(geometry.blockOf(page) + ":" + geometry.pageInBlock(page));
    }
    assertEquals(3 * 4 * 4 * 5, places.size());
  }

  @Test
  void neighboursInASuperblockLieOnDifferentPlanes() {
    var geometry = new FlashGeometry(1, 2, 2, 3, 5, 64);
    var blocks = new HashSet<Integer>();
    for (int page = 0; page < 4; page++) {
      blocks.add(geometry.blockOf(page));
    }
    assertEquals(4, blocks.size());
  }

  @Test
  void aDriveHasRoomForWhatItSellsAndThePaddingOfItsGroups() {
    for (long bytes : new long[] {0, 1, 4096, 1 << 20, 123_456_789, 2L << 30, 2_000_000_000_000L}) {
      var geometry = FlashGeometry.forCapacity(bytes);
      double room = (double) geometry.usablePages() * geometry.pageBytes();
      assertTrue(room >= bytes * 8.0 / 7, bytes + " in " + geometry);
    }
  }

  @Test
  void refusesWhatNoFlashIs() {
    assertThrows(IllegalArgumentException.class, () -> new FlashGeometry(0, 1, 1, 1, 1, 4096));
    assertThrows(IllegalArgumentException.class, () -> new FlashGeometry(1, 1, 1, 1, 1, 100));
    assertThrows(
        IllegalArgumentException.class, () -> new FlashGeometry(256, 32, 32, 1 << 20, 65535, 4096));
    assertThrows(IllegalArgumentException.class, () -> FlashGeometry.forCapacity(Long.MAX_VALUE));
  }
}
