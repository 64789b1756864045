package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The steady-state decode step allocates nothing on the Java heap, on any of the engine's threads.
 */
class AllocationTest {
  private static final Path MODEL = Path.of("models/tiny-opt");
  private static final int WARM_UP_STEPS = 4_000;
  private static final int ROUNDS = 20;
  private static final int TOKENS = 480;
  private static final int MEASURED_FROM = 100;
  private static final int MEASURED_TO = 400;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path folder;

  /** On a gpu too, whose kernels compute nothing here: it is the steps that count. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void decodeStepsOnAGpuAllocateNothing(boolean gpuAttends) throws Exception {
    var driver = EmulatedDriver.loaded();
    driver.set(EmulatedDriver.Setting.KERNELS_COMPUTE, 0);
    assertAllocatesNothing(
        draft(ElementType.F16)
            .withWeights(Draft.shares("gpu", 0.4, "ram", 0.3, "ssd", 0.3))
            .withKv(
                gpuAttends
                    ? Draft.shares("gpu", 0.4, "ram", 0.3, "ssd", 0.3)
                    : Draft.shares("gpu", 0.4, "ram", 0.3, "inst", 0.3),
                Draft.Axis.TOKENS)
            .withGpuAttending(gpuAttends)
            .withWaitingOnHost(1));
    driver.assertEverythingIsReleased("afterwards");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ram", "ssd", "inst"})
  void decodeStepsAllocateNothingWhereverTheKvCacheLies(String kvDevice) throws Exception {
    assertAllocatesNothing(draft(ElementType.F16).withKv(Map.of(kvDevice, 1.0), Draft.Axis.TOKENS));
  }

  /** In F32 the sequences are long enough; one layer of six, since every step reads it whole. */
  @Test
  void decodeStepsAllocateNothingWhereADiskIsReadPastThePageCache() throws Exception {
    assertAllocatesNothing(
        draft(ElementType.F32)
            .withKv(Draft.shares("ram", 5 / 6.0, "ssd", 1 / 6.0), Draft.Axis.LAYERS));
  }

  private static Draft draft(ElementType kvType) {
    return Draft.allOnHost(MODEL, new BatchShape(2, 2, 8, TOKENS, 8), kvType)
        .withWeights(Map.of("ram", 0.5, "ssd", 0.5));
  }

  private void assertAllocatesNothing(Draft draft) throws Exception {
    assumeTrue(hasOptimizingCompiler(), "without C2 vectors are boxed, and every step allocates");
    var request = new Request(new int[] {2, 500, 272}, TOKENS, Set.of(), Sampling.GREEDY);
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, MODEL, 2)) {
      for (int steps = 0; steps < WARM_UP_STEPS; steps += TOKENS) {
        session.generate(List.of(request, request), (index, id) -> true);
      }
      long bytes = Long.MAX_VALUE; // C2 compiles in the background, so warming up ends by itself
      for (int round = 0; round < ROUNDS && bytes > 0; round++) {
        var watch = new Watch();
        session.generate(List.of(request, request), watch::token);
        assertTrue(watch.end > 0, "the measured steps have run");
        bytes = watch.end - watch.start;
      }
      assertEquals(0, bytes, "bytes allocated over " + (MEASURED_TO - MEASURED_FROM) + " steps");
    }
  }

  private static boolean hasOptimizingCompiler() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .noneMatch(
            argument -> argument.startsWith("-XX:TieredStopAtLevel") || argument.equals("-Xint"));
  }

  /**
   * Reads the allocation counters of this thread and of the engine's own at two tokens of the first
   * request.
   */
  private final class Watch {
    final long[] ids =
        Thread.getAllStackTraces().keySet().stream()
            .filter(
                thread ->
                    thread == Thread.currentThread() || thread.getName().startsWith("stowage-"))
            .mapToLong(Thread::threadId)
            .toArray();
    int generated;
    long start;
    long end;

    boolean token(int request, int id) {
      if (request == 0) {
        generated++;
        if (generated == MEASURED_FROM) {
          sum(); // the first reading may allocate for itself
          start = sum();
        } else if (generated == MEASURED_TO) {
          end = sum();
        }
      }
      return true;
    }

    private long sum() {
      long sum = 0;
      for (long id : ids) {
        sum += threads.getThreadAllocatedBytes(id);
      }
      return sum;
    }
  }
}
