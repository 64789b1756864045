package dev.stowage.compiler.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.optimizer.Phase;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SimulatorTest {
  private static final Path FOLDER = Path.of("src/test/resources/baselines").toAbsolutePath();

  @ParameterizedTest
  @ValueSource(strings = {"quickstart", "small-host", "split-three-ways"})
  void everyResourceWorksAsLongAsThePredictionSays(String plan) {
    var compiled = compile(plan);
    var timeline = simulate(compiled);
    var busy = new HashMap<String, Double>();
    for (var lane : timeline.lanes()) {
      busy.put(Phase.PREFILL + lane.name(), lane.prefillBusySeconds());
      busy.put(Phase.DECODE + lane.name(), lane.decodeBusySeconds());
    }
    for (var predicted : compiled.placement().busy()) {
      double simulated = busy.getOrDefault(predicted.phase() + predicted.resource(), 0.0);
      // a ring runs ahead of its phase by a stop or two
      double slack = 0.02 * (timeline.seconds() + predicted.seconds());
      assertEquals(predicted.seconds(), simulated, slack, predicted::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"opt30b-t4", "opt175b-t4", "opt13b-csd", "quickstart", "small-host"})
  void aBlockTakesAtLeastItsBusiestResourceAndWhatIsAboveThatIsNamed(String plan) {
    var timeline = simulate(compile(plan));
    double busiest = 0;
    double working = 0;
    for (var lane : timeline.lanes()) {
      busiest = Math.max(busiest, lane.prefillBusySeconds() + lane.decodeBusySeconds());
      working += lane.prefillBusySeconds() + lane.decodeBusySeconds();
    }
    double waiting = timeline.stalls().stream().mapToDouble(Timeline.Stall::seconds).sum();
    assertTrue(timeline.seconds() >= busiest * (1 - 1e-9), () -> timeline.lanes().toString());
    assertTrue(waiting < timeline.seconds(), () -> timeline.stalls().toString());
    assertTrue(timeline.seconds() <= waiting + working, () -> timeline.stalls().toString());
  }

  @Test
  void aPlanWithoutAnythingToWaitForTakesWhatIsPredicted() {
    var compiled =
        compile(
            """
            plan resident
            platform p {
              host ram { memory 64 MiB }
            }
            model m = hf "../../../../../examples/models/tiny-opt"
            workload w { prompt 32 tok  generate 32 tok  batch 4  micro-batches 2 }
            maximize throughput
            """,
            "resident.stow");
    var timeline = simulate(compiled);
    var predicted = compiled.plan().predicted();
    assertEquals(
        predicted.prefillSeconds() + predicted.decodeSeconds(),
        timeline.seconds(),
        0.05 * timeline.seconds());
    assertEquals(List.of(), timeline.stalls());
  }

  @Test
  void oneMicroBatchAttendsInADriveWhileWeightsOfSomeLayersAreRead() {
    var compiled =
        compile(
            """
            plan streamed
            platform p {
              host ram { memory 64 MiB }
              disk ssd { memory 1 GiB  path "scratch" }
              csd inst { memory 1 GiB  path "drive"  emulated }
            }
            model m = hf "../../../../../examples/models/tiny-llama"
            workload w { prompt 32 tok  generate 32 tok  batch 4  micro-batches 1 }
            place {
              weights on ram 50%, ssd 50%
              kv on inst 100%
            }
            maximize throughput
            """,
            "streamed.stow");
    var timeline = simulate(compiled);
    var spans = timeline.windows().getLast().spans();
    for (int layer = 0; layer < compiled.plan().shape().layers(); layer++) {
      String stop = "layer " + layer;
      long attended =
          spans.stream()
              .filter(span -> span.stop().equals(stop) && span.what().startsWith("attend kv"))
              .map(Timeline.Span::what)
              .distinct()
              .count();
      long finished =
          spans.stream()
              .filter(span -> span.stop().equals(stop) && span.what().equals("matmul mlp.down"))
              .count();
      assertTrue(attended == 1 && finished > 0, stop + ": " + spans);
    }
  }

  @Test
  void loadingAheadHidesLoads() {
    var compiled = compile("small-host");
    var plan = compiled.plan();
    var order = compiled.schedule().order();
    var lanes = compiled.schedule().lanes();
    double inTurn = Simulator.simulate(plan, new Schedule(order, 0, lanes)).seconds();
    double ahead = Simulator.simulate(plan, new Schedule(order, 1, lanes)).seconds();
    assertTrue(ahead < inTurn, () -> ahead + " ahead, " + inTurn + " in turn");
  }

  @Test
  void aProductOfAHostThatReadsAheadWaitsForItsOwnRowsOnly() {
    var compiled = compile("small-host");
    var order = compiled.schedule().order();
    assertFalse(
        computesWhileItsStopIsLoaded(compiled.plan(), new Schedule(order, 0, List.of())),
        "in turn");
    assertTrue(
        computesWhileItsStopIsLoaded(compiled.plan(), new Schedule(order, 1, List.of())), "ahead");
  }

  private static boolean computesWhileItsStopIsLoaded(ExecutablePlan plan, Schedule schedule) {
    var spans = Simulator.simulate(plan, schedule).windows().getLast().spans();
    return spans.stream()
        .filter(span -> span.lane().equals("compute(ram)") && span.what().startsWith("matmul"))
        .anyMatch(
            product ->
                spans.stream()
                    .anyMatch(
                        load ->
                            load.what().equals("load")
                                && load.lane().equals("read(ssd)")
                                && load.stop().equals(product.stop())
                                && load.startSeconds() > product.startSeconds()));
  }

  @Test
  void drivesWithALaneOfTheirOwnAttendBesideTheHost() {
    var compiled = compile("quickstart");
    var beside = compiled.schedule();
    var inLine = new Schedule(beside.order(), beside.prefetch(), List.of());
    double together = Simulator.simulate(compiled.plan(), beside).seconds();
    double oneByOne = Simulator.simulate(compiled.plan(), inLine).seconds();
    assertTrue(together < oneByOne, () -> together + " beside, " + oneByOne + " in line");
  }

  @Test
  void aLaneDoesOneThingAtATimeWithinItsWindow() {
    var timeline = simulate(compile("opt13b-csd"));
    assertEquals(2, timeline.windows().size());
    for (var window : timeline.windows()) {
      assertFalse(window.spans().isEmpty(), window.name());
      var ends = new HashMap<String, Double>();
      for (var span : window.spans()) {
        assertTrue(span.startSeconds() < span.endSeconds(), span::toString);
        assertTrue(span.endSeconds() <= window.endSeconds(), span::toString);
        double before = ends.getOrDefault(span.lane(), 0.0);
        assertTrue(span.startSeconds() >= before, span::toString);
        ends.put(span.lane(), span.endSeconds());
      }
    }
  }

  @Test
  void theCacheFillsUpToWhatThePlanSetAsideAndNeverBeyond() {
    var compiled = compile("split-three-ways");
    for (var memory : simulate(compiled).memory()) {
      assertEquals(compiled.plan().bytesOn(memory.device()), memory.reservedBytes());
      long before = 0;
      double at = -1;
      for (var point : memory.points()) {
        assertTrue(point.seconds() > at && point.bytes() >= before, memory::toString);
        before = point.bytes();
        at = point.seconds();
      }
      assertEquals(memory.reservedBytes(), before, memory.device());
    }
  }

  @Test
  void theSamePlanGivesTheSameTimeline() {
    var compiled = compile("opt30b-t4");
    assertEquals(simulate(compiled), simulate(compiled));
  }

  private static Timeline simulate(Compilation.Compiled compiled) {
    return Simulator.simulate(compiled.plan(), compiled.schedule());
  }

  private static Compilation.Compiled compile(String plan) {
    var file = FOLDER.resolve(plan).resolve("main.stow");
    return assertInstanceOf(
        Compilation.Compiled.class, Compiler.compile(file, Settings.none()), plan);
  }

  private static Compilation.Compiled compile(String text, String name) {
    var compilation = Compiler.compile(text, FOLDER.resolve(name), Settings.none());
    return assertInstanceOf(Compilation.Compiled.class, compilation, compilation::toString);
  }
}
