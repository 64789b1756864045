package dev.stowage.bundle;

import dev.stowage.gpu.Detection;
import dev.stowage.gpu.GpuDeviceProvider;
import dev.stowage.gpu.GpuRates;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;

/** The bundle's one command: {@code check-gpu [--placements N] [--seed N] [--quick] [--out F]}. */
public final class GpuCheck {
  private static final int FAILED = 5;
  private static final int USAGE = 2;
  private static final int NO_GPU = 6;

  private GpuCheck() {}

  /** Exits with 0 if all passed, 5 if a check failed, 6 without a GPU, 2 for wrong arguments. */
  public static void main(String[] arguments) throws IOException {
    int placements = 50;
    long seed = 20_260_101;
    boolean quick = false;
    var out = Path.of("results.json");
    var home = Path.of(System.getProperty("stowage.bundle", "."));
    try {
      for (int i = 0; i < arguments.length; i++) {
        switch (arguments[i]) {
          case "--placements" -> placements = Integer.parseInt(arguments[++i]);
          case "--seed" -> seed = Long.parseLong(arguments[++i]);
          case "--quick" -> quick = true;
          case "--out" -> out = Path.of(arguments[++i]);
          default -> throw new IllegalArgumentException("what is " + arguments[i] + "?");
        }
      }
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      System.err.println(
          "usage: check-gpu [--placements N] [--seed N] [--quick] [--out FILE]: " + e.getMessage());
      System.exit(USAGE);
    }
    var results = new Results();
    results.root().put("version", 1).put("at", Instant.now().toString());
    results.root().put("placements", placements).put("seed", seed).put("quick", quick);
    switch (Detection.detect()) {
      case Detection.Missing(var reason) -> {
        results.root().put("gpu", reason);
        results.write(out.toAbsolutePath());
        System.err.println(reason);
        System.exit(NO_GPU);
      }
      case Detection.Found(int devices, int driver) -> {
        results
            .root()
            .put("gpus", devices)
            .put("driver_cuda", driver / 1000 + "." + driver % 1000 / 10);
        var scratch = Files.createTempDirectory("stowage-gpu");
        try {
          run(results, home, scratch, placements, seed, quick);
        } finally {
          delete(scratch);
        }
        results.write(out.toAbsolutePath());
        System.out.printf(
            "%d checks failed; all numbers are in %s%n", results.failed(), out.toAbsolutePath());
        System.exit(results.failed() == 0 ? 0 : FAILED);
      }
    }
  }

  private static void run(
      Results results, Path home, Path scratch, int placements, long seed, boolean quick)
      throws IOException {
    boolean emulated;
    try (var rates = new GpuRates(quick ? 0.005 : 0.2)) {
      emulated = rates.name().contains("emulated");
      results.root().put("gpu", rates.name()).put("capability", rates.capability());
      results.root().put("free_bytes", rates.freeBytes()).put("emulated", emulated);
      System.out.println(
          rates.name()
              + (emulated
                  ? ": an emulated device, so that nothing here says anything of speed"
                  : ", compute capability " + rates.capability()));
    }
    try (var gpu = open(256L << 20)) {
      KernelChecks.run(results, gpu);
    }
    var models = new ModelChecks(results, home.resolve("models"), scratch, quick);
    models.golden();
    models.compiled(home.resolve("plans"));
    models.placements(placements, seed);
    models.sparse(seed);
    budget(results);
    models.streamedWithinBudget();
    try (var rates = new GpuRates(quick ? 0.005 : 0.2)) {
      new Benchmarks(results, rates, quick, emulated).run();
    }
  }

  private static ComputeDevice open(long bytes) {
    var spec = new DeviceSpec("gpu", DeviceKind.GPU, bytes, 0, Optional.empty(), false, Map.of());
    var context = new DeviceContext(Path.of("."), new ReferenceKernels());
    return (ComputeDevice) new GpuDeviceProvider().open(spec, context);
  }

  /** A budget is kept however much memory there is, and all of it comes back. */
  private static void budget(Results results) {
    long budget = 48L << 20;
    results.check(
        "budget",
        "no byte beyond it, and all given back",
        numbers -> {
          try (var rates = new GpuRates(0)) {
            long before = rates.freeBytes();
            boolean refused = false;
            try (var gpu = open(budget)) {
              for (int i = 0; i < 100 && !refused; i++) {
                try {
                  gpu.allocate("piece " + i, 5 << 20);
                } catch (DeviceException e) {
                  refused = true;
                  numbers.put("refusal", e.getMessage());
                }
              }
              numbers.put("budget_bytes", budget).put("used_bytes", gpu.usedBytes());
              refused &= gpu.usedBytes() <= budget;
            }
            long lost = before - rates.freeBytes();
            numbers.put("lost_bytes", lost);
            return refused && lost <= 16 << 20; // what a driver keeps for the next context
          }
        });
    results.check(
        "budget",
        "numbers that are stored and restored",
        numbers -> {
          try (var gpu = open(budget);
              var arena = Arena.ofConfined()) {
            long bytes = (9 << 20) + 13;
            var host = arena.allocate(bytes);
            for (long i = 0; i < bytes; i++) {
              host.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 31 + (i >> 8)));
            }
            var there = gpu.allocate("bytes", bytes);
            gpu.write(host, there);
            var back = arena.allocate(bytes);
            gpu.read(there, back);
            numbers.put("bytes", bytes);
            return host.mismatch(back) < 0;
          }
        });
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
