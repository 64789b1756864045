package dev.stowage.optimizer;

import com.sun.management.OperatingSystemMXBean;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Origin;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Locale;

/**
 * How long a full search takes: OPT-175B (96 layers) over a gpu, a host, a disk and four
 * computational storage drives. Prints the median, the 95th percentile and the slowest of a hundred
 * searches after a warm-up, in milliseconds; loading OR-Tools is apart. On a machine that others
 * use too, the processor time of all threads says what a quiet one would take at most.
 *
 * <pre>
 * ./mvnw -q -pl optimizer -am test-compile
 * ./mvnw -q -pl optimizer exec:exec -Dexec.classpathScope=test -Dexec.executable=java \
 *     -Dexec.args="-cp %classpath dev.stowage.optimizer.SearchBenchmark 100"
 * </pre>
 */
final class SearchBenchmark {
  private static final int WARM_UP = 40;
  private static final OperatingSystemMXBean CLOCK =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private SearchBenchmark() {}

  public static void main(String[] args) {
    int runs = args.length > 0 ? Integer.parseInt(args[0]) : 100;
    var optimizer = new Optimizer(new GlopSolver());
    var problem = problem();
    var millis = new double[runs];
    var cpuMillis = new double[runs];
    Placement placement = null;
    for (int run = -WARM_UP; run < runs; run++) {
      long start = System.nanoTime();
      long cpu = CLOCK.getProcessCpuTime();
      placement = ((Placed) optimizer.place(problem)).placement();
      if (run >= 0) {
        millis[run] = (System.nanoTime() - start) / 1e6;
        cpuMillis[run] = (CLOCK.getProcessCpuTime() - cpu) / 1e6;
      }
    }
    Arrays.sort(millis);
    Arrays.sort(cpuMillis);
    System.out.printf(
        Locale.ROOT,
        "search of OPT-175B on gpu, host, disk and 4 drives: p50 %.1f ms, p95 %.1f ms, max %.1f ms;"
            + " processor time p50 %.1f ms (%d searches of %d programs; %.3f tok/s)%n",
        millis[runs / 2],
        millis[Math.min(runs - 1, runs * 95 / 100)],
        millis[runs - 1],
        cpuMillis[runs / 2],
        runs,
        placement.solved(),
        placement.predicted().throughputTokensPerSecond());
  }

  /** FlexGen's machine with four of InstInfer's drives beside the disk. */
  static Problem problem() {
    var box = Examples.t4Box();
    var devices = new ArrayList<DeviceSpec>(box.devices());
    var links = new ArrayList<LinkSpec>(box.links());
    for (int i = 0; i < 4; i++) {
      String name = "inst[" + i + "]";
      devices.add(Examples.csd(name, 2000L * 1000 * 1000 * 1000));
      links.add(new LinkSpec("t4", name, 7e9, 10e-6, Origin.SPEC));
      links.add(new LinkSpec(name, "t4", 7e9, 10e-6, Origin.SPEC));
    }
    return Problem.of(
        new Machine(devices, links),
        Examples.opt(96, 12288, 96),
        ElementType.F16,
        Examples.workload(512, 32, Choices.range(1, 512)),
        Bounds.none(),
        Objective.throughput());
  }
}
