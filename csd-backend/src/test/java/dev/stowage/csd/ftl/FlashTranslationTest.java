package dev.stowage.csd.ftl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.csd.flash.FlashException;
import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.flash.FlashImage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlashTranslationTest {
  private static final int EMPTY = -1;

  @TempDir Path folder;
  private final int[] cell = new int[16];
  private final MemorySegment source = MemorySegment.ofArray(cell);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aFullDriveSurvivesChurn(long seed) {
    var random = new Random(seed);
    var geometry =
        new FlashGeometry(
            1 + random.nextInt(4),
            1 + random.nextInt(2),
            1 + random.nextInt(2),
            3 + random.nextInt(3),
            2 + random.nextInt(6),
            64);
    try (var flash = FlashImage.create(folder.resolve("drive.flash"), geometry)) {
      var translation = new FlashTranslation(flash);
      int first = geometry.usablePages() / 2;
      int[][] expected = {new int[first], new int[geometry.usablePages() - first]};
      for (int region = 0; region < 2; region++) {
        translation.openRegion(region, expected[region].length);
        Arrays.fill(expected[region], EMPTY);
      }
      for (int step = 0; step < 40 * geometry.pages(); step++) {
        int region = random.nextInt(2);
        int page = random.nextInt(expected[region].length);
        if (random.nextInt(20) == 0) {
          translation.discard(region, page);
          expected[region][page] = EMPTY;
        } else {
          cell[0] = step;
          translation.write(region, page, random.nextInt(geometry.channels()), source, 0, 4);
          expected[region][page] = step;
        }
      }
      String where = "seed " + seed + ", " + geometry;
      long valid = 0;
      for (int region = 0; region < 2; region++) {
        for (int page = 0; page < expected[region].length; page++) {
          if (expected[region][page] != EMPTY) {
            valid++;
            translation.read(region, page);
            assertEquals(
                expected[region][page], flash.register().get(ValueLayout.JAVA_INT, 0), where);
            assertEquals(0, flash.register().get(ValueLayout.JAVA_INT, 60), where);
          }
        }
      }
      assertEquals(valid, translation.validPages(), where);
      assertTrue(flash.blocksErased() > 0 && translation.movedPages() > 0, where);
    }
  }

  @Test
  void aClosedRegionGivesItsRoomBack() {
    var geometry = new FlashGeometry(2, 1, 1, 4, 4, 64);
    try (var flash = FlashImage.create(folder.resolve("drive.flash"), geometry)) {
      var translation = new FlashTranslation(flash);
      for (int round = 0; round < 20; round++) {
        translation.openRegion(3, geometry.usablePages());
        for (int page = 0; page < geometry.usablePages(); page++) {
          translation.write(3, page, 0, source, 0, 64);
        }
        translation.closeRegion(3);
      }
      assertEquals(0, translation.validPages());
      assertEquals(0, translation.movedPages());
    }
  }

  @Test
  void promisesNoMoreThanThereIs() {
    var geometry = new FlashGeometry(2, 1, 1, 4, 4, 64);
    try (var flash = FlashImage.create(folder.resolve("drive.flash"), geometry)) {
      var translation = new FlashTranslation(flash);
      translation.openRegion(0, 10);
      var full =
          assertThrows(
              CapacityException.class, () -> translation.openRegion(1, geometry.usablePages() - 9));
      assertTrue(full.getMessage().contains("7 flash pages"), full.getMessage());
    }
  }

  @Test
  void aPageOfAnotherKeyIsNotHandedOut() {
    var geometry = new FlashGeometry(1, 1, 1, 4, 4, 64);
    try (var flash = FlashImage.create(folder.resolve("drive.flash"), geometry)) {
      var translation = new FlashTranslation(flash);
      translation.openRegion(0, 4);
      translation.write(0, 0, 0, source, 0, 64);
      flash.erase(0);
      flash.program(0, 1);
      assertThrows(FlashException.class, () -> translation.read(0, 0));
    }
  }
}
