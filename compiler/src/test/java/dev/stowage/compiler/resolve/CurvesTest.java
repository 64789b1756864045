package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.optimizer.Phase;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Origin;
import dev.stowage.plan.RateCurve.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rates by size are read, refined and followed by predictions. */
class CurvesTest {
  private static final String MODEL =
      "model m = hf \"%s\"\n"
          .formatted(Path.of("../examples/models/tiny-llama").toAbsolutePath().normalize());

  @TempDir private Path folder;

  @BeforeEach
  void hardware() throws IOException {
    Files.writeString(
        folder.resolve("host.stow"),
        """
        library calibrated
        platform here {
          host ram {
            memory 1 GiB  measured 2026-11-21
            matmul(fp16) at 1 tok 2 GFLOPS  measured 2026-11-21
            matmul(fp16) at 4 tok 8 GFLOPS  measured 2026-11-21
            matmul(fp16) at 64 tok 32 GFLOPS  measured 2026-11-21
            attend(fp32) at 1 tok 1 GFLOPS  measured 2026-11-21
            attend(fp16) at 1 tok 1 GFLOPS  measured 2026-11-21
            attend(fp16) at 64 tok 4 GFLOPS  measured 2026-11-21
          }
          disk ssd {
            memory 1 GiB
            path "scratch"
            read 3 GB/s  measured 2026-11-21
            read at 4 KiB 100 MB/s  measured 2026-11-21
            read at 1 MiB 2 GB/s  measured 2026-11-21
          }
        }
        """);
  }

  private Compilation compile(String platform, int batch, String more) {
    String text =
        """
        plan p
        %s
        %s
        workload w { prompt 16 tok  generate 8 tok  batch %d  micro-batches 1 }
        %s
        maximize throughput
        """
            .formatted(platform, MODEL, batch, more);
    return Compiler.compile(text, folder.resolve("p.stow"), Settings.none());
  }

  private Compilation.Compiled compiled(String platform, int batch, String more) {
    return switch (compile(platform, batch, more)) {
      case Compilation.Compiled compiled -> compiled;
      case Compilation.Erroneous(var said) -> throw new AssertionError(said);
      case Compilation.Infeasible(var _, var said) -> throw new AssertionError(said);
    };
  }

  private ExecutablePlan plan(String platform, int batch) {
    return compiled(platform, batch, "place { weights on ram 100%  kv on ram 100% }").plan();
  }

  @Test
  void thePointsOfTheFileAreTheDevices() {
    var machine = plan("platform from \"host.stow\"", 1).machine();
    var curve = machine.device("ram").curve(Measure.MATMUL, ElementType.F16).orElseThrow();
    assertEquals(3, curve.points().size());
    assertEquals(8e9, curve.points().get(4L).value());
    assertEquals(Origin.MEASURED, curve.points().get(4L).origin());
    assertEquals(2e9, machine.device("ssd").curve(Measure.READ).orElseThrow().at(1 << 20));
  }

  @Test
  void whatAPlanSaysLaterReplacesACurveAsAWhole() {
    var slower =
        plan("platform from \"host.stow\" { host ram { matmul(fp16) at 1 tok 1 GFLOPS } }", 1);
    var curve = slower.machine().device("ram").curve(Measure.MATMUL, ElementType.F16);
    assertEquals(1, curve.orElseThrow().points().size());

    var single = plan("platform from \"host.stow\" { disk ssd { read 2 GB/s } }", 1);
    assertEquals(Optional.empty(), single.machine().device("ssd").curve(Measure.READ));
    assertTrue(single.machine().device("ram").curve(Measure.ATTEND, ElementType.F16).isPresent());
  }

  @Test
  void aVariantsSingleRateReplacesACurve() {
    var text =
        """
        plan p
        platform from "host.stow"
        %s
        workload w { prompt 16 tok  generate 8 tok  batch 1 }
        maximize throughput
        variant slow { ssd.read = 1 GB/s }
        """
            .formatted(MODEL);
    var slow = new Settings(Map.of(), Optional.of("slow"), OptionalInt.empty());
    var compilation = Compiler.compile(text, folder.resolve("p.stow"), slow);
    if (!(compilation instanceof Compilation.Compiled compiled)) {
      throw new AssertionError(compilation.diagnostics());
    }
    assertEquals(Optional.empty(), compiled.plan().machine().device("ssd").curve(Measure.READ));
  }

  @Test
  void predictionsFollowTheCurve() {
    // At 4 tokens a product runs four times as fast as at 1: it takes as long, for four times as
    // many.
    var cheap = "attend(fp32) at 1 tok 900 GFLOPS  attend(fp16) at 1 tok 900 GFLOPS";
    var platform = "platform from \"host.stow\" { host ram { %s } }".formatted(cheap);
    double one = plan(platform, 1).predicted().decodeSeconds();
    double four = plan(platform, 4).predicted().decodeSeconds();
    assertEquals(1, four / one, 0.01);
    double sixteen = plan(platform, 16).predicted().decodeSeconds();
    assertEquals(2, sixteen / four, 0.02); // at 16, half way, 16 GFLOPS

    var shape = plan(platform, 1).shape();
    double perToken = 2e-9 / 2 * 2.0 * shape.matrixBytes() / 2 / 2; // FLOPs of all F16 numbers
    assertTrue(one < 2.1 * 7 * perToken && one > 0.5 * 7 * perToken, one + " s");
  }

  @Test
  void promptsAttendByACurveOfTheirOwn() {
    var one = "attend(fp32) at 1 tok 1 MFLOPS";
    var host = "platform from \"host.stow\" { host ram { %s } }";
    var slow = plan(host.formatted(one), 2);
    var both = plan(host.formatted(one + "  attend-prompt(fp32) at 8 tok 1 GFLOPS"), 2);
    assertEquals(slow.predicted().decodeSeconds(), both.predicted().decodeSeconds());
    var shape = slow.shape();
    // 16 tokens of 2 sequences read 1 to 16 each: at 1 GFLOPS instead of 1 MFLOPS
    double flops = 4.0 * 2 * shape.layers() * shape.queryWidth() * (16 * 17 / 2);
    assertEquals(
        flops / 1e6 - flops / 1e9,
        slow.predicted().prefillSeconds() - both.predicted().prefillSeconds(),
        1e-6 * flops / 1e6);
  }

  @Test
  void whatAPassCostsIsAddedForEveryLayerAndHead() {
    var plain = plan("platform from \"host.stow\"", 2);
    var slow = plan("platform from \"host.stow\" { host ram { pass-latency 1 ms } }", 2);
    int layers = plain.shape().layers();
    assertEquals(
        7 * (layers + 1) * 1e-3,
        slow.predicted().decodeSeconds() - plain.predicted().decodeSeconds(),
        1e-9);
  }

  @Test
  void whatAProductCostsIsAddedForEveryMatrix() {
    var plain = plan("platform from \"host.stow\"", 2);
    var slow = plan("platform from \"host.stow\" { host ram { product-latency 1 ms } }", 2);
    int matrices =
        plain.weights().stream()
            .filter(region -> region.weight().perLayer())
            .mapToInt(region -> region.layers().size())
            .sum();
    assertEquals(
        7 * (matrices + 1) * 1e-3,
        slow.predicted().decodeSeconds() - plain.predicted().decodeSeconds(),
        1e-9);
  }

  @Test
  void theSimulatorFollowsTheSameCurves() {
    var compiled =
        compiled(
            """
            platform from "host.stow" {
              host ram {
                pass-latency 20 us  product-latency 5 us  elementwise 1 GB/s
                matmul-cached(fp16) at 1 tok 9 GFLOPS
                matmul-small(fp16) at 1 tok 7 GFLOPS
                attend-grouped(fp16) at 16 tok 5 GFLOPS
                sweep(fp16) at 4 MiB 9 GFLOPS  sweep(fp16) at 64 MiB 4 GFLOPS
              }
              disk ssd {
                read-cached at 4 KiB 2 GB/s  read-cached at 64 KiB 8 GB/s
                write-cached at 4 KiB 1 GB/s
              }
            }
            """,
            4,
            "place { weights on ram 60%, ssd 40%  kv on ram 50%, ssd 50% }");
    var timeline = Simulator.simulate(compiled.plan(), compiled.schedule());
    var busy = new HashMap<String, Double>();
    for (var lane : timeline.lanes()) {
      busy.put(Phase.PREFILL + lane.name(), lane.prefillBusySeconds());
      busy.put(Phase.DECODE + lane.name(), lane.decodeBusySeconds());
    }
    for (var predicted : compiled.placement().busy()) {
      double simulated = busy.getOrDefault(predicted.phase() + predicted.resource(), 0.0);
      double slack = 0.03 * (timeline.seconds() + predicted.seconds());
      assertEquals(predicted.seconds(), simulated, slack, predicted::toString);
    }
  }

  /** All weights on a disk whose reads and the host's compute take of each other. */
  private Compilation.Compiled leaking(String leaks, int batch) {
    return compiled(
        "platform from \"host.stow\" { disk ssd { read 100 MB/s  latency 1 us  %s } }"
            .formatted(leaks),
        batch,
        "place { weights on ssd 100%  kv on ram 100% }");
  }

  private static double busy(Compilation.Compiled compiled, String resource) {
    return compiled.placement().busy().stream()
        .filter(busy -> busy.phase() == Phase.DECODE && busy.resource().equals(resource))
        .mapToDouble(busy -> busy.seconds())
        .sum();
  }

  @Test
  void whatReadsAndComputeTakeOfEachOtherIsInThePredictionAndTheSimulation() {
    for (int batch : new int[] {1, 4, 32, 256}) {
      var apart = leaking("", batch);
      var together = leaking("slows-host 30 %  slowed-by-host 20 %", batch);
      double compute = busy(apart, "compute(ram)");
      double read = busy(apart, "read(ssd)");
      assertEquals(compute, busy(together, "compute(ram)"), 1e-9 * compute);
      double expected = Math.max(compute + 0.3 * read, read + 0.2 * compute);
      double predicted = together.plan().predicted().decodeSeconds();
      assertEquals(Math.max(compute, read), apart.plan().predicted().decodeSeconds(), 1e-3 * read);
      assertEquals(expected, predicted, 0.01 * expected, "batch " + batch);
      var timeline = Simulator.simulate(together.plan(), together.schedule());
      assertEquals(predicted, timeline.decodeSeconds(), 0.05 * predicted, "batch " + batch);
    }
  }

  @Test
  void moreThanAllOfTheHostIsRefused() {
    for (var leak : List.of("slows-host 101 %", "slowed-by-host 200 %", "slows-host 0 %")) {
      var codes =
          compile("platform p { disk ssd { memory 1 GiB  path \"x\"  " + leak + " } }", 1, "")
              .diagnostics()
              .stream()
              .filter(Diagnostic::isError)
              .map(Diagnostic::code)
              .toList();
      assertTrue(codes.contains("SW206"), leak + codes);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "matmul(fp16) at 0 tok 3 GFLOPS | SW206",
        "matmul(fp16) at 1.5 tok 3 GFLOPS | SW206",
        "matmul(fp16) at 99999999999999999999 tok 3 GFLOPS | SW206",
        "matmul(fp16) at 16 tok 0 GFLOPS | SW206",
        "matmul(fp16) at 16 KiB 3 GFLOPS | SW106",
        "matmul(fp16) at 16 3 GFLOPS | SW105",
        "matmul(fp16) at 16 tok 3 GB/s | SW106",
        "matmul(fp8) at 16 tok 3 GFLOPS | SW103",
        "matmul at 16 tok 3 GFLOPS | SW106",
        "matmul(fp16) 3 GFLOPS | SW106",
        "attend-prompt at 16 tok 3 GFLOPS | SW106",
        "sweep at 16 MiB 3 GFLOPS | SW106",
        "matmul-small(fp16) 3 GFLOPS | SW106",
        "memory at 16 tok 3 GiB | SW106",
        "pass-latency 0 us | SW206",
        "product-latency 0 us | SW206",
        "slows-host 10 % | SW103",
      })
  void whatIsNoPointOfACurveIsRefused(String property, String code) {
    var platform = "platform p { host ram { memory 1 GiB  " + property + " } }";
    var codes =
        compile(platform, 1, "").diagnostics().stream()
            .filter(Diagnostic::isError)
            .map(Diagnostic::code)
            .toList();
    assertEquals(List.of(code), codes);
  }

  @Test
  void aSizeWithoutAnEndIsOneLineNotACrash() {
    var platform =
        "platform p { host ram { memory 1 GiB  matmul(fp16) at %s tok 3 GFLOPS } }"
            .formatted("9".repeat(5000));
    assertTrue(compile(platform, 1, "").diagnostics().stream().anyMatch(Diagnostic::isError));
  }
}
