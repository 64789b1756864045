package dev.stowage.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What there is of the machine that runs this. */
final class ThisMachine {
  private static final Path MEMINFO = Path.of("/proc/meminfo");

  private ThisMachine() {}

  /** All memory, or what a container allows. */
  static long totalMemoryBytes() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  /** Memory that can be taken without swapping, a container's limit included. */
  static long availableMemoryBytes() {
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long free = system.getFreeMemorySize();
    try {
      for (var line : Files.readAllLines(MEMINFO)) {
        if (line.startsWith("MemAvailable:")) {
          long available = Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
          return Math.min(Math.max(free, available), system.getTotalMemorySize());
        }
      }
    } catch (IOException | NumberFormatException e) {
      return free; // not Linux
    }
    return free;
  }
}
