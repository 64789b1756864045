package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FmtTest {
  private static final String RAGGED =
      """
      plan p // mine
      platform x {
      gpu t4 {memory 15GiB}
        host ram { memory 200 GiB reserve 10 % }
      }
      """;
  private static final String LAID_OUT =
      """
      plan p // mine
      platform x {
        gpu  t4  { memory 15 GiB }
        host ram { memory 200 GiB  reserve 10% }
      }
      """;

  @TempDir Path folder;

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void fmtLaysFilesOutInPlaceAndSaysWhich() throws IOException {
    Path ragged = file("a.stow", RAGGED);
    Path neat = file("b.stow", LAID_OUT);
    var ran = Ran.stowage(folder, "fmt", "a.stow", "b.stow").exits(Exit.GOOD).saysOneLine();

    assertTrue(ran.err().contains("a.stow: laid out"), ran.err());
    assertEquals(LAID_OUT, Files.readString(ragged));
    assertEquals(LAID_OUT, Files.readString(neat));
    assertEquals("", Ran.stowage(folder, "fmt", "a.stow").exits(Exit.GOOD).err());
  }

  @Test
  void fmtCheckWritesNothingAndExitsWith5() throws IOException {
    Path ragged = file("a.stow", RAGGED);
    file("b.stow", LAID_OUT);

    Ran.stowage(folder, "fmt", "--check", "b.stow").exits(Exit.GOOD);
    Ran.stowage(folder, "fmt", "--check", "b.stow", "a.stow")
        .exits(Exit.EXPECTATION_FAILED)
        .saysOneLine();
    assertEquals(RAGGED, Files.readString(ragged));
  }

  @Test
  void fmtLeavesAFileWithSyntaxErrorsAloneAndLaysTheOthersOut() throws IOException {
    String broken = "plan p place { weights on }\n";
    Path file = file("a.stow", broken);
    Path ragged = file("b.stow", RAGGED);
    var ran = Ran.stowage(folder, "fmt", "a.stow", "b.stow").exits(Exit.PLAN_ERRORS);

    assertTrue(ran.err().contains("SW01"), ran.err());
    assertEquals(broken, Files.readString(file));
    assertEquals(LAID_OUT, Files.readString(ragged));
  }

  @Test
  void fmtRefusesWhatIsNoSource() throws IOException {
    Files.write(folder.resolve("a.stow"), new byte[] {(byte) 0xff, 0});
    Ran.stowage(folder, "fmt", "a.stow").exits(Exit.PLAN_ERRORS);
    Ran.stowage(folder, "fmt", "gone.stow").exits(Exit.USAGE);
    Ran.stowage(folder, "fmt").exits(Exit.USAGE);
  }
}
