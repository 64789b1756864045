package dev.stowage.runtime.kernel.x86;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Whether this machine can run what {@link Assembler} writes, and its system says so. */
final class Cpu {
  private static final List<String> NEEDED = List.of("avx2", "fma", "f16c");

  private Cpu() {}

  static boolean isSupported() {
    return System.getProperty("os.name").equals("Linux")
        && System.getProperty("os.arch").equals("amd64")
        && isSupported(Path.of("/proc/cpuinfo"));
  }

  /**
   * @param info as Linux tells it: a line of flags for each processor, all of which are the same
   */
  static boolean isSupported(Path info) {
    try (var lines = Files.lines(info)) {
      return lines
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(line -> Arrays.asList(line.substring(line.indexOf(':') + 1).strip().split(" ")))
          .filter(flags -> flags.containsAll(NEEDED))
          .isPresent();
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }
}
