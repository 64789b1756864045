package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Readers of untrusted files under Jazzer, which mutates inputs towards code not yet reached. The
 * inputs under {@code src/test/resources/fuzz} are where it starts from and what it once found. Set
 * {@code stowage.fuzz.seconds} to look for longer, {@code stowage.fuzz.seed} to look elsewhere; to
 * keep an input that it found, write the bytes it prints as Base64 there.
 */
class FuzzTest {
  private static final int SECONDS = Integer.getInteger("stowage.fuzz.seconds", 4);
  private static final int SEED = Integer.getInteger("stowage.fuzz.seed", 20_261_121);
  private static final Duration ONE_INPUT = Duration.ofSeconds(20);
  private static final Pattern RUNS = Pattern.compile("Done (\\d+) runs");

  /** Tokenizers hold patterns, whose steps are counted; plans name files to import. */
  private static final List<String> NO_FAULTS =
      List.of(
          "com.code_intelligence.jazzer.sanitizers.RegexInjection",
          "com.code_intelligence.jazzer.sanitizers.FilePathTraversal");

  @TempDir Path folder;

  private static Path inputs(FuzzTarget target) {
    return Path.of("src/test/resources/fuzz").resolve(target.folder());
  }

  @ParameterizedTest
  @EnumSource
  void inputsOnceFoundAreReadOrRefusedInOneLine(FuzzTarget target) throws Exception {
    try (var files = Files.list(inputs(target))) {
      var all = files.sorted().toList();
      assertFalse(all.isEmpty(), () -> "no inputs for " + target);
      for (var file : all) {
        var input = Files.readAllBytes(file);
        try {
          assertTimeoutPreemptively(ONE_INPUT, () -> target.read(input, folder));
        } catch (Exception | AssertionError e) {
          throw new AssertionError(file.toString(), e);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void noInputFoundInAShortTimeBreaksItsReader(FuzzTarget target) throws Exception {
    var found = Files.createDirectory(folder.resolve("found"));
    var scratch = Files.createDirectory(folder.resolve("scratch"));
    var log = folder.resolve("log");
    // the language alone takes seconds to load
    int seconds = target == FuzzTarget.STOW ? 3 * SECONDS : SECONDS;
    var command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:+EnableDynamicAgentLoading",
            "-XX:-OmitStackTraceInFastThrow",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-modules=jdk.incubator.vector",
            "-D" + FuzzEntry.TARGET + "=" + target,
            "-D" + FuzzEntry.FOLDER + "=" + scratch,
            "com.code_intelligence.jazzer.Jazzer",
            "--target_class=" + FuzzEntry.class.getName(),
            "--instrumentation_includes=dev.stowage.**",
            "--custom_hook_includes=dev.stowage.**",
            "--disabled_hooks=" + String.join(System.getProperty("path.separator"), NO_FAULTS),
            "--reproducer_path=" + folder.toAbsolutePath(),
            "-seed=" + SEED,
            "-max_total_time=" + seconds,
            "-timeout=" + ONE_INPUT.toSeconds(),
            "-max_len=16384",
            "-artifact_prefix=" + folder.toAbsolutePath() + "/",
            "-verbosity=1",
            found.toString(),
            inputs(target).toString());
    var builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    var process = builder.start();
    try {
      assertTrue(
          process.waitFor(seconds + 120, TimeUnit.SECONDS),
          () -> "%s, seed %d: no end".formatted(target, SEED));
    } finally {
      process.destroyForcibly();
    }
    var said = Files.readString(log, StandardCharsets.ISO_8859_1);
    assertEquals(0, process.exitValue(), () -> "%s, seed %d:\n%s".formatted(target, SEED, said));
    var runs = RUNS.matcher(said);
    assertTrue(runs.find(), said);
    System.out.printf("fuzzed %s: %s inputs, seed %d%n", target, runs.group(1), SEED);
  }
}
