package dev.stowage.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Compares subjects with a limit of the machine: all in turn, round after round, each against the
 * limit of the same round.
 */
final class Contest {
  private static final int WARM_UP = 3;

  /** How long each subject warms up at least: a short one needs many runs until it is compiled. */
  private static final long WARM_UP_NANOS = 700_000_000;

  /**
   * What is measured.
   *
   * @param work what one run does, in the unit of the contest
   */
  record Subject(String name, double work, Runnable run) {}

  private final String unit;
  private final int rounds;
  private final boolean cpuTime;
  private final Subject limit;
  private final List<Subject> subjects = new ArrayList<>();
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();

  /**
   * @param unit a billion of which a second are reported
   * @param cpuTime whether time is the calling thread's CPU time: right for one thread, and then
   *     indifferent to who else uses the machine
   * @param limit what no subject exceeds
   */
  Contest(String unit, int rounds, boolean cpuTime, Subject limit) {
    this.unit = unit;
    this.rounds = rounds;
    this.cpuTime = cpuTime;
    this.limit = limit;
  }

  void add(String name, double work, Runnable run) {
    subjects.add(new Subject(name, work, run));
  }

  /** Runs the rounds; the report is a line a subject, medians over the rounds. */
  String run() {
    warmUp(limit);
    subjects.forEach(Contest::warmUp);
    var limits = new double[rounds];
    var rates = new double[subjects.size()][rounds];
    var shares = new double[subjects.size()][rounds];
    for (int round = 0; round < rounds; round++) {
      limits[round] = rate(limit);
      for (int i = 0; i < subjects.size(); i++) {
        rates[i][round] = rate(subjects.get(i));
      }
      double after = rate(limit);
      limits[round] = (limits[round] + after) / 2;
      for (int i = 0; i < subjects.size(); i++) {
        shares[i][round] = rates[i][round] / limits[round];
      }
    }
    var report = new StringBuilder(line(limit.name(), median(limits), 1));
    for (int i = 0; i < subjects.size(); i++) {
      report.append(line(subjects.get(i).name(), median(rates[i]), median(shares[i])));
    }
    return report.toString();
  }

  private static void warmUp(Subject subject) {
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UP || System.nanoTime() - start < WARM_UP_NANOS; i++) {
      subject.run().run();
    }
  }

  private String line(String name, double rate, double share) {
    return String.format(Locale.ROOT, "%-34s %8.1f %s  %5.2f%n", name, rate, unit, share);
  }

  private double rate(Subject subject) {
    long before = time();
    subject.run().run();
    return subject.work() / Math.max(1, time() - before);
  }

  private long time() {
    return cpuTime ? threads.getCurrentThreadCpuTime() : System.nanoTime();
  }

  private static double median(double[] values) {
    var sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
