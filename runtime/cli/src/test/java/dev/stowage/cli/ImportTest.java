package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Other tools' words in and out, as a user types them. */
class ImportTest {
  @TempDir Path folder;

  private Ran stowage(String... args) {
    return Ran.stowage(folder, args);
  }

  @Test
  void flagsOfFlexGenBecomeAPlanAndComeBack() throws IOException {
    var ran =
        stowage(
                "import --from flexgen -o a.stow -- --model opt-1.3b --percent 20 80 0 100 0 100 --frob"
                    .split(" "))
            .exits(Exit.GOOD);
    assertEquals("", ran.out());
    assertTrue(ran.err().contains("not carried over: --frob: "), ran.err());
    assertTrue(Files.readString(folder.resolve("a.stow")).startsWith("// Imported from FlexGen"));

    var back = stowage("explain", "a.stow", "--as", "flexgen").exits(Exit.GOOD).out();
    assertTrue(back.contains("  --percent 20 80 0 100 "), back);
    assertTrue(back.contains("# FlexGen lays whole tensors by their midpoints"), back);
    assertTrue(back.contains(" 8.3 % "), back);
  }

  @Test
  void aWrongWordIsSaidInOneLine() {
    stowage("import", "--from", "flexgen", "--", "--percent", "1").exits(Exit.USAGE).saysOneLine();
    stowage("import", "--from", "frob", "--", "--percent").exits(Exit.USAGE).saysOneLine();
    stowage("import", "--from", "flexgen", "--machine", "lib:nvidia/t5", "--")
        .exits(Exit.USAGE)
        .saysOneLine();
    stowage("import", "--from", "flexgen", "--machine", "lib:generic/host", "--")
        .exits(Exit.USAGE)
        .saysOneLine();
  }
}
