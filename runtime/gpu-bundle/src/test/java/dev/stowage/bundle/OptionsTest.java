package dev.stowage.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionsTest {
  @Test
  void readsWhatIsAskedFor() {
    assertEquals(
        new Options(
            3, 7, true, false, true, Optional.of(Path.of("FlexGen")), Path.of("found.json")),
        Options.of(
            "--quick",
            "--placements",
            "3",
            "--seed",
            "7",
            "--sanitize",
            "--flexgen",
            "FlexGen",
            "--out",
            "found.json"));
    assertEquals(
        new Options(50, 20_260_101, false, false, false, Optional.empty(), Path.of("results.json")),
        Options.of());
  }

  @ParameterizedTest
  @CsvSource({
    "--fast, there is no --fast",
    "--out, --out needs a value",
    "--placements many, --placements is no number: many",
    "--placements -4, --placements cannot be -1"
  })
  void whatIsWrongIsOneLine(String arguments, String message) {
    var e = assertThrows(IllegalArgumentException.class, () -> Options.of(arguments.split(" ")));
    assertEquals(message, e.getMessage());
  }
}
