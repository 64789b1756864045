package dev.stowage.compiler.test;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The examples, with all their variants and tests, are as they expect themselves to be. */
class ExamplesHoldTest {
  @TestFactory
  Stream<DynamicTest> examplesAreAsTheyExpect() throws IOException {
    try (var files = Files.list(Path.of("../examples"))) {
      return files.filter(file -> file.toString().endsWith(".stow")).sorted().toList().stream()
          .map(
              file ->
                  DynamicTest.dynamicTest(
                      file.getFileName().toString(),
                      () -> {
                        var report = PlanTests.run(file, Settings.none());
                        assertTrue(report.passed(), report::toString);
                      }));
    }
  }
}
