package dev.stowage.runtime.parallel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * How many threads this process should compute with: one for every core it may use. A core that
 * shows itself as two processors (simultaneous multithreading) has its multiply-adds and its way to
 * memory once only, so a second thread there adds no work done, and makes each wait for the other.
 *
 * <p>All NUMA nodes count that the process may run on: what stays in memory is filled by the same
 * threads that compute, so it lies spread over the nodes.
 */
public final class Cores {
  /** Processors that Linux itself can count, by far. */
  private static final int MOST_PROCESSORS = 1 << 16;

  private static final Pattern ALLOWED =
      Pattern.compile("^Cpus_allowed_list:\\s*(\\S+)$", Pattern.MULTILINE);
  private static final Pattern RANGE = Pattern.compile("(\\d{1,5})(?:-(\\d{1,5}))?");

  private Cores() {}

  /** The cores that may be used; what Java calls processors where the system does not tell. */
  public static int available() {
    return available(Path.of("/"), Runtime.getRuntime().availableProcessors());
  }

  /**
   * @param root of the file system
   * @param processors that Java counts: a quota of time may leave fewer than the cores
   */
  static int available(Path root, int processors) {
    return Math.min(cores(root).orElse(processors), processors);
  }

  private static OptionalInt cores(Path root) {
    try {
      var allowed = ALLOWED.matcher(Files.readString(root.resolve("proc/self/status")));
      if (!allowed.find()) {
        return OptionalInt.empty();
      }
      var cores = new HashSet<BitSet>();
      for (int processor : processors(allowed.group(1)).stream().toArray()) {
        var topology = "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list";
        cores.add(processors(Files.readString(root.resolve(topology.formatted(processor)))));
      }
      return cores.isEmpty() ? OptionalInt.empty() : OptionalInt.of(cores.size());
    } catch (IOException | IllegalArgumentException e) {
      return OptionalInt.empty();
    }
  }

  /** Reads a list like {@code 0-3,8,10-11}. */
  private static BitSet processors(String list) {
    var processors = new BitSet();
    for (var part : list.strip().split(",", -1)) {
      var range = RANGE.matcher(part);
      if (!range.matches()) {
        throw new IllegalArgumentException("no list of processors: " + list);
      }
      int first = Integer.parseInt(range.group(1));
      int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (last < first || last >= MOST_PROCESSORS) {
        throw new IllegalArgumentException("no list of processors: " + list);
      }
      processors.set(first, last + 1);
    }
    return processors;
  }
}
