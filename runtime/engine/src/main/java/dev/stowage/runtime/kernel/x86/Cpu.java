package dev.stowage.runtime.kernel.x86;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** What this machine can run of what {@link Assembler} writes, as its system says. */
final class Cpu {
  private Cpu() {}

  /** Vectors that it has, the widest last. */
  static List<Width> widths() {
    return System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64")
        ? widths(Path.of("/proc/cpuinfo"))
        : List.of();
  }

  /**
   * @param info as Linux tells it: a line of flags for each processor, all of which are the same
   */
  static List<Width> widths(Path info) {
    try (var lines = Files.lines(info)) {
      var flags =
          lines
              .filter(line -> line.startsWith("flags"))
              .findFirst()
              .map(line -> Arrays.asList(line.substring(line.indexOf(':') + 1).strip().split(" ")))
              .orElse(List.of());
      return Arrays.stream(Width.values()).filter(width -> flags.containsAll(width.flags)).toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of();
    }
  }
}
