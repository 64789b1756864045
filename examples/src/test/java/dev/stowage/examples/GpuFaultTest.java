package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Count;
import dev.stowage.gpu.EmulatedDriver.Setting;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whichever call of a GPU's driver fails, there is one error that names the GPU, and all memory,
 * streams, threads and scratch files are given back.
 */
class GpuFaultTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/qwen3-qknorm");

  /** Calls in a row that fail before some are left out: {@code -Dstowage.gpu.faults=all}. */
  private static final int DENSE =
      "all".equals(System.getProperty("stowage.gpu.faults")) ? Integer.MAX_VALUE : 60;

  @TempDir Path folder;
  private EmulatedDriver driver;

  @BeforeEach
  void loadDriver() {
    driver = EmulatedDriver.loaded();
  }

  @ParameterizedTest
  @EnumSource(names = {"CALLS_UNTIL_ONE_FAILS", "CALLS_UNTIL_LOST"})
  void aFailingCallIsOneErrorAndEverythingIsReleased(Setting fault) throws Exception {
    assertTrue(runs(fault, Integer.MAX_VALUE));
    long calls = driver.count(Count.CALLS);
    assertTrue(calls > 200, () -> calls + " calls");
    int failed = 0;
    int tried = 0;
    for (long call = 0; call < calls; call += call < DENSE ? 1 : 23) {
      tried++;
      failed += runs(fault, call) ? 0 : 1;
    }
    int most = tried;
    int some = failed;
    // memory that cannot be page-locked is copied otherwise
    assertTrue(some >= 0.7 * most, () -> "%d of %d runs failed".formatted(some, most));
  }

  /** Whether a short run ended well although a call failed. */
  private boolean runs(Setting fault, long call) throws Exception {
    driver.set(Setting.DEFAULTS, 0);
    driver.set(Setting.KERNELS_COMPUTE, 0);
    driver.set(fault, call);
    var draft =
        Draft.allOnHost(MODEL, new BatchShape(2, 2, 4, 3, 2), ElementType.F32)
            .withWeights(Draft.shares("gpu", 0.4, "ram", 0.3, "ssd", 0.3))
            .withKv(Draft.shares("gpu", 0.4, "ram", 0.3, "inst", 0.3), Draft.Axis.TOKENS)
            .withWaitingOnHost(1)
            .withGpuAttending(call % 2 == 0);
    var request = new Request(new int[] {1, 2, 3, 4}, 3, Set.of(), Sampling.GREEDY);
    String which = "%s %d".formatted(fault, call);
    boolean well;
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, MODEL, 1)) {
      session.generate(List.of(request, request), (index, id) -> true);
      well = true;
    } catch (DeviceException e) {
      assertTrue(e.getMessage().startsWith("gpu: "), () -> which + ": " + e.getMessage());
      assertEquals(0, e.getSuppressed().length, which);
      well = false;
    }
    driver.assertEverythingIsReleased(which);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(), files.toList(), which);
    }
    assertEquals(
        List.of(),
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.isAlive() && thread.getName().startsWith("stowage-"))
            .toList(),
        which);
    return well;
  }
}
