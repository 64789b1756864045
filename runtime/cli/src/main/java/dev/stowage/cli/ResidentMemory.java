package dev.stowage.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** How much memory this process holds, where the system tells (Linux: {@code proc(5)}). */
final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");

  private ResidentMemory() {}

  static OptionalLong now() {
    return read("VmRSS");
  }

  /** The most since the last {@link #forgetPeak}, or since the process began. */
  static OptionalLong peak() {
    return read("VmHWM");
  }

  /** Begins a new peak; where the system forbids it, the old one counts on. */
  static void forgetPeak() {
    try {
      Files.writeString(CLEAR, "5");
    } catch (IOException e) {
      return; // the peak is then one of the whole process, and never too low
    }
  }

  private static OptionalLong read(String key) {
    try {
      var found = Pattern.compile(key + ":\\s+(\\d+) kB").matcher(Files.readString(STATUS));
      return found.find()
          ? OptionalLong.of(Long.parseLong(found.group(1)) * 1024)
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
