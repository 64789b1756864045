package dev.stowage.runtime.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.Footprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class FileHolesTest {
  private static final int PAGE = Footprint.PAGE_BYTES;

  @TempDir Path folder;

  @Test
  void pagesThatAreGivenBackAreZerosAndTheFileKeepsItsLength() throws IOException {
    var file = folder.resolve("part.kv");
    Files.createFile(file);
    var bytes = new byte[4 * PAGE];
    Arrays.fill(bytes, (byte) 7);
    try (var holes = FileHoles.of(file)) {
      Files.write(file, bytes);
      holes.punch(PAGE, 2 * PAGE);
    }
    Arrays.fill(bytes, PAGE, 3 * PAGE, (byte) 0);
    assertArrayEquals(bytes, Files.readAllBytes(file));
  }

  @Test
  void aFileThatIsNotThereIsSaidSo() {
    assertThrows(IOException.class, () -> FileHoles.of(folder.resolve("gone.kv")));
  }

  /** A device has no parts to give back. */
  @Test
  void aFileThatGivesNothingBackIsRefused() {
    assertThrows(IOException.class, () -> FileHoles.of(Path.of("/dev/null")));
  }
}
