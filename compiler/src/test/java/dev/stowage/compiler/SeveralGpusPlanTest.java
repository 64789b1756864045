package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.explain.Explanation;
import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.plan.Range;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Stages;
import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.ScheduleParser;
import dev.stowage.plan.text.SchedulePrinter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How layers are cut over several gpus, by hand and by the optimizer. */
class SeveralGpusPlanTest {
  private static final String BIG =
      "gpu big { memory 6 GiB  memory-bandwidth 900 GB/s  matmul-prefill 120 TFLOPS  matmul-decode 60 TFLOPS }\n";
  private static final String SMALL =
      "gpu small { memory 4 GiB  memory-bandwidth 300 GB/s  matmul-prefill 40 TFLOPS  matmul-decode 20 TFLOPS }\n";
  private static final String LINKS =
      "link ram <-> big { rate 12 GB/s }\nlink ram <-> small { rate 6 GB/s }\n";

  private static String plan(String devices, String statements) {
    return "plan p\nplatform box {\nhost ram { memory 16 GiB }\n%s}\n".formatted(devices)
        + "model m = shape opt-1.3b\n"
        + "workload w { prompt 64 tok  generate 16 tok  batch 8  micro-batches 4 }\n"
        + statements
        + "\nmaximize throughput\n";
  }

  private static Compilation compile(String text) {
    return Compiler.compile(text, Path.of("gpus.stow").toAbsolutePath(), Settings.none());
  }

  private static Compilation.Compiled compiled(String text) {
    return switch (compile(text)) {
      case Compilation.Compiled compiled -> compiled;
      case Compilation.Erroneous(var diagnostics) -> throw new AssertionError(diagnostics);
      case Compilation.Infeasible(var _, var diagnostics) -> throw new AssertionError(diagnostics);
    };
  }

  private static double throughput(Compilation.Compiled compiled) {
    return compiled.plan().predicted().throughputTokensPerSecond();
  }

  private static List<String> codes(String text) {
    return compile(text).diagnostics().stream()
        .filter(Diagnostic::isError)
        .map(Diagnostic::code)
        .toList();
  }

  @Test
  void theLargerGpuGetsMoreLayersAndBothTogetherAreFasterThanEither() {
    var both = compiled(plan(BIG + SMALL + LINKS, ""));
    var stages = both.plan().stages();
    assertEquals(List.of("big", "small"), stages.devices());
    int layers = stages.list().getFirst().layers().size();
    assertTrue(layers > 12 && layers < 24, () -> stages.toString());
    var big = compiled(plan(BIG + "link ram <-> big { rate 12 GB/s }\n", ""));
    assertTrue(throughput(both) > throughput(big), () -> throughput(both) + " " + throughput(big));
    assertEquals(new Schedule.Order.Pipeline(), both.schedule().order());
  }

  @Test
  void whatTheAuthorSaysOfLayersDecidesTheCut() {
    var compiled =
        compiled(
            plan(
                BIG + SMALL + LINKS,
                """
                place {
                  weights of layers[0..5] on small 100%
                  weights of layers[6..23] on big 100%
                }"""));
    assertEquals(
        new Stages(
            List.of(
                new Stages.Stage(new Range(0, 6), "small"),
                new Stages.Stage(new Range(6, 24), "big"))),
        compiled.plan().stages());
  }

  @Test
  void onePrefillPlaceKeepsAllLayersOnOneGpu() {
    var compiled = compiled(plan(BIG + SMALL + LINKS, "schedule { attention prefill on small }"));
    assertEquals(List.of("small"), compiled.plan().stages().devices());
  }

  @Test
  void aSecondGpuThatOnlyCostsIsLeftOut() {
    var slow =
        "gpu small { memory 4 GiB  memory-bandwidth 1 GB/s  matmul-prefill 100 GFLOPS  matmul-decode 50 GFLOPS }\n";
    var both = compiled(plan(BIG + slow + LINKS, ""));
    var big = compiled(plan(BIG + "link ram <-> big { rate 12 GB/s }\n", ""));
    assertTrue(
        throughput(both) >= throughput(big) * 0.999,
        () -> throughput(both) + " " + throughput(big));
  }

  @Test
  void theTextOfAPlanKeepsItsStages() throws Exception {
    var compiled = compiled(plan(BIG + SMALL + LINKS, ""));
    var plan = PlanParser.parse(PlanPrinter.print(compiled.plan()));
    assertEquals(compiled.plan(), plan);
    var schedule = ScheduleParser.parse(SchedulePrinter.print(compiled.schedule()));
    assertEquals(compiled.schedule(), schedule);
    var stages = plan.stages().list();
    assertEquals(
        "a pipeline over big (layers %s), small (layers %s)"
            .formatted(stages.get(0).layers(), stages.get(1).layers()),
        Explanation.of(compiled).schedule().order());
  }

  /** A pipeline of four micro-batches on two gpus, against stages that take turns. */
  @Test
  void aPipelineIsFasterThanTurnsAsPredictedAndOnAVirtualClock() {
    var turns = compiled(plan(BIG + SMALL + LINKS, "schedule { order zig-zag }\n" + CUT));
    var pipeline = compiled(plan(BIG + SMALL + LINKS, CUT));
    assertTrue(throughput(pipeline) > throughput(turns));
    for (var compiled : List.of(turns, pipeline)) {
      var simulated = Simulator.simulate(compiled.plan(), compiled.schedule());
      double predicted = compiled.plan().predicted().decodeSeconds();
      assertEquals(predicted, simulated.decodeSeconds(), 0.1 * predicted);
    }
  }

  private static final String CUT =
      "place { weights of layers[0..15] on big 100%\n weights of layers[16..23] on small 100% }";

  @Test
  void aLayerOnTwoGpusIsRefused() {
    assertEquals(
        List.of("SW147"),
        codes(
            plan(
                BIG + SMALL + LINKS,
                """
                place {
                  weights of layers[0..23].attn on big 100%
                  weights of layers[0..23].mlp on small 100%
                }""")));
  }

  @Test
  void activationsThatWaitElsewhereAreRefused() {
    assertEquals(
        List.of("SW148"), codes(plan(BIG + SMALL + LINKS, "place { activations on ram 100% }")));
  }
}
