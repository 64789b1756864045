package dev.stowage.csd.flash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlashImageTest {
  private static final FlashGeometry GEOMETRY = new FlashGeometry(2, 1, 2, 3, 4, 128);

  @TempDir Path folder;
  private Path file;
  private FlashImage flash;

  @BeforeEach
  void open() {
    file = folder.resolve("drive.flash");
    flash = FlashImage.create(file, GEOMETRY);
  }

  @AfterEach
  void close() {
    flash.close();
  }

  @Test
  void aPageReadsBackWithItsKey() {
    program(0, 7, 42);
    program(1, 9, 43);
    flash.read(0);
    assertEquals(7, flash.register().get(ValueLayout.JAVA_BYTE, 127));
    assertEquals(42, flash.key());
    assertEquals(0, flash.sequence());
    flash.read(1);
    assertEquals(43, flash.key());
    assertEquals(1, flash.sequence());
  }

  @Test
  void aPageIsProgrammedOnceBetweenErases() {
    program(0, 1, 1);
    var again = assertThrows(FlashException.class, () -> program(0, 2, 2));
    assertTrue(again.getMessage().contains("erased first"), again.getMessage());
    flash.read(0);
    assertEquals(1, flash.key());
    flash.erase(GEOMETRY.blockOf(0));
    program(0, 2, 2);
    flash.read(0);
    assertEquals(2, flash.key());
  }

  @Test
  void pagesOfABlockAreProgrammedInOrder() {
    var skipped = assertThrows(FlashException.class, () -> program(2, 1, 1));
    assertTrue(skipped.getMessage().contains("out of order"), skipped.getMessage());
    program(0, 1, 1);
    program(2, 1, 1);
  }

  @Test
  void anUnwrittenPageCannotBeRead() {
    assertThrows(FlashException.class, () -> flash.read(5));
    program(0, 1, 1);
    flash.erase(GEOMETRY.blockOf(0));
    var erased = assertThrows(FlashException.class, () -> flash.read(0));
    assertTrue(erased.getMessage().contains("never programmed"), erased.getMessage());
  }

  @Test
  void everyFlippedByteOfAPageIsNoticed() throws IOException {
    program(0, 1, 1);
    for (int i = 0; i < 128 + 24; i++) {
      flip(flash.position(0) + i);
      var damaged = assertThrows(FlashException.class, () -> flash.read(0), "byte " + i);
      assertTrue(damaged.getMessage().contains("damaged"), damaged.getMessage());
      flip(flash.position(0) + i);
    }
    flash.read(0);
  }

  @Test
  void aTruncatedFileIsNoticed() throws IOException {
    program(0, 1, 1);
    try (var raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(flash.position(0) + 60);
    }
    var truncated = assertThrows(FlashException.class, () -> flash.read(0));
    assertTrue(truncated.getMessage().contains("truncated"), truncated.getMessage());
  }

  @Test
  void aSecondUserIsRefused() {
    var busy = assertThrows(FlashException.class, () -> FlashImage.create(file, GEOMETRY));
    assertTrue(busy.getMessage().contains("in use"), busy.getMessage());
    program(0, 1, 1);
    flash.read(0);
  }

  @Test
  void aForeignFileIsLeftAsItIs() throws IOException {
    var foreign = folder.resolve("notes.flash");
    byte[] notes = "these are notes, not pages".getBytes();
    Files.write(foreign, notes);
    var refused = assertThrows(FlashException.class, () -> FlashImage.create(foreign, GEOMETRY));
    assertTrue(refused.getMessage().contains("not a flash image"), refused.getMessage());
    assertArrayEquals(notes, Files.readAllBytes(foreign));
  }

  @Test
  void aLinkIsNotFollowed() throws IOException {
    var target = Files.createFile(folder.resolve("target"));
    var link = Files.createSymbolicLink(folder.resolve("link.flash"), target);
    assertThrows(FlashException.class, () -> FlashImage.create(link, GEOMETRY));
    assertEquals(0, Files.size(target));
  }

  @Test
  void whatACrashLeftIsOverwritten() throws IOException {
    program(0, 1, 1);
    var left = Files.copy(file, folder.resolve("left.flash"));
    try (var fresh = FlashImage.create(left, GEOMETRY)) {
      assertThrows(FlashException.class, () -> fresh.read(0));
    }
    assertFalse(Files.exists(left));
  }

  @Test
  void theFileIsSparseAndGoneAfterwards() throws IOException {
    var big = folder.resolve("big.flash");
    try (var image = FlashImage.create(big, FlashGeometry.forCapacity(64L << 30))) {
      assertEquals(4096, Files.size(big));
      assertTrue(image.geometry().pages() > 1 << 20);
    }
    assertFalse(Files.exists(big));
  }

  @Test
  void countsWhatItDoesByChannel() {
    int other = GEOMETRY.pages() / 2;
    program(0, 1, 1);
    program(other, 1, 1);
    program(other + 1, 1, 1);
    flash.read(other);
    flash.erase(GEOMETRY.blockOf(other));
    assertEquals(1, flash.pagesProgrammed(0));
    assertEquals(2, flash.pagesProgrammed(1));
    assertEquals(0, flash.pagesRead(0));
    assertEquals(1, flash.pagesRead(1));
    assertEquals(1, flash.blocksErased());
    assertEquals(1, flash.erases(GEOMETRY.blockOf(other)));
  }

  private void program(int page, int fill, long key) {
    flash.register().fill((byte) fill);
    flash.program(page, key);
  }

  private void flip(long position) throws IOException {
    try (var raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.seek(position);
      int value = raw.read();
      raw.seek(position);
      raw.write(~value);
    }
  }
}
