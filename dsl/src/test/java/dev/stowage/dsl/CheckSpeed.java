package dev.stowage.dsl;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * Measures how long reading and checking a long plan takes once the machine is warm: {@code main}
 * prints the median of many rounds. Not a test: a shared machine would make it one of the weather.
 */
public final class CheckSpeed {
  private static final Path FILE = Path.of("long.stow");

  private CheckSpeed() {}

  /** Prints milliseconds for plans of some lengths, and for one whose names are all unknown. */
  public static void main(String[] args) {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 60;
    for (int lines : new int[] {250, 500, 1000, 2000, 4000}) {
      measure("%d lines".formatted(lines), plan(lines), rounds);
    }
    String wrong = plan(2000).replace(" on ram", " on rom").replace("d1", "e1");
    measure("2000 lines, most of them wrong", wrong, rounds);
  }

  private static void measure(String what, String text, int rounds) {
    long[] nanos = new long[rounds];
    int found = 0;
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      found = StowParser.parse(text, FILE).diagnostics().size();
      nanos[i] = System.nanoTime() - start;
    }
    Arrays.sort(nanos);
    System.out.printf(
        "%-32s %6.1f ms median, %6.1f ms best, %d diagnostics%n",
        what, nanos[rounds / 2] / 1e6, nanos[0] / 1e6, found);
  }

  /** A plan of about so many lines: devices, params, placements, variants and tests. */
  static String plan(int lines) {
    int part = Math.max(1, lines / 20);
    var text = new StringBuilder("plan long\n\nimport \"lib:generic/host\"\n");
    for (int i = 0; i < part; i++) {
      text.append("param a%d : percent = %d%% in 0%%..100%%\n".formatted(i, i % 5));
    }
    text.append("platform box {\n  host ram = generic.DDR4 { memory 200 GiB  reserve 10% }\n");
    for (int i = 0; i < 3 * part; i++) {
      text.append("  disk d%d { memory 1 TB  read 2 GB/s  write 1 GB/s }\n".formatted(i));
    }
    for (int i = 0; i < 3 * part; i++) {
      text.append("  link ram <-> d%d { rate 2 GB/s  latency 10 us }\n".formatted(i));
    }
    text.append("}\nmodel m = shape opt-30b\nworkload w { prompt 32 tok  generate 32 tok }\n");
    text.append("place {\n");
    for (int i = 0; i < 5 * part; i++) {
      text.append(
          "  weights of layers[%d] on ram >= a%d, d%d rest\n".formatted(i, i % part, i % part));
    }
    text.append("}\nmaximize throughput\n");
    for (int i = 0; i < part; i++) {
      text.append("variant v%d {\n  a%d = 7%%\n  d%d.memory = 2 TB\n}\n".formatted(i, i, i));
      text.append("test \"t%d\" on v%d with { a%d = 3%% } {\n".formatted(i, i, i));
      text.append("  expect share(weights, d%d) >= 1%%\n}\n".formatted(i));
    }
    return text.toString();
  }
}
