package dev.stowage.bundle;

import dev.stowage.gpu.Detection;
import dev.stowage.gpu.GpuDeviceProvider;
import dev.stowage.gpu.GpuRates;
import dev.stowage.gpu.GpuRates.Way;
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

/** The bundle's one command, {@code check-gpu}, with {@link Options}. */
public final class GpuCheck {
  private static final int FAILED = 5;
  private static final int USAGE = 2;
  private static final int NO_GPU = 6;

  private final Results results;
  private final Options options;
  private final Path home;
  private final Path scratch;
  private final int gpus;

  GpuCheck(Results results, Options options, Path home, Path scratch, int gpus) {
    this.results = results;
    this.options = options;
    this.home = home;
    this.scratch = scratch;
    this.gpus = gpus;
  }

  /** Exits with 0 if all passed, 5 if a check failed, 6 without a GPU, 2 for wrong arguments. */
  public static void main(String[] arguments) throws IOException {
    Options options;
    try {
      options = Options.of(arguments);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.err.println(Options.USAGE);
      System.exit(USAGE);
      return;
    }
    var home = Path.of(System.getProperty("stowage.bundle", "."));
    var out = options.out().toAbsolutePath();
    var results = new Results();
    results.root().put("version", 1).put("at", Instant.now().toString());
    results.root().put("placements", options.placements()).put("seed", options.seed());
    results.root().put("quick", options.quick());
    switch (Detection.detect()) {
      case Detection.Missing(var reason) -> {
        results.root().put("gpu", reason);
        results.write(out);
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
          new GpuCheck(results, options, home, scratch, devices).run();
        } finally {
          delete(scratch);
        }
        results.write(out);
        System.out.printf("%d checks failed; all numbers are in %s%n", results.failed(), out);
        System.exit(results.failed() == 0 ? 0 : FAILED);
      }
    }
  }

  /** Runs what was asked for; what a check finds, or that it fails, is among the results. */
  void run() throws IOException {
    boolean quick = options.quick();
    double seconds = quick ? 0.005 : 0.2;
    boolean emulated;
    try (var rates = new GpuRates(seconds)) {
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
    if (options.kernelsOnly()) {
      return;
    }
    if (options.sanitize()) {
      new Sanitizer(results, scratch)
          .run(System.getenv().getOrDefault("PATH", ""), home, Path.of("/usr/local/cuda/bin"));
    }
    var models = new ModelChecks(results, home.resolve("models"), scratch, quick);
    models.golden();
    models.compiled(home.resolve("plans"));
    models.placements(options.placements(), options.seed());
    models.severalGpus(gpus, options.placements(), options.seed());
    models.sparse(options.seed());
    budget(results);
    models.streamedWithinBudget();
    var large = new LargeModels(results, scratch, quick, emulated);
    try (var rates = new GpuRates(seconds)) {
      new Benchmarks(results, rates, quick, emulated).run();
      large.besideTheLink(rates.plainCopy(Way.IN, quick || emulated ? 1 << 20 : 128 << 20));
    }
    large.besideFlexGen(FlexGen.find(options.flexgen(), scratch));
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

  /** Deletes a folder and what is in it. */
  static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
