package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Setting;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.plan.verify.Violation;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where several GPUs compute a model's layers one after the other, no cut, no placement and no
 * schedule changes a token, and none takes more of any GPU's memory than planned.
 */
class SeveralGpusTest {
  private static final long SEED = 20_261_121;
  private static final int PLACEMENTS = Integer.getInteger("stowage.gpu.placements", 12);
  private static final int TOKENS = 6;
  private static final List<Path> MODELS =
      List.of(
          Path.of("src/test/resources/golden/opt-f32-proj"),
          Path.of("src/test/resources/golden/llama-gqa-bf16"),
          Path.of("src/test/resources/golden/qwen3-qknorm"));

  @TempDir Path folder;
  private EmulatedDriver driver;

  static Stream<Long> seeds() {
    return LongStream.range(0, PLACEMENTS).map(i -> SEED + i).boxed();
  }

  @BeforeEach
  void loadDriver() {
    driver = EmulatedDriver.loaded();
    driver.set(Setting.DEVICES, 3);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void anyCutPlacementAndScheduleMakeTheSameTokens(long seed) throws Exception {
    var random = new Random(seed);
    var model = MODELS.get(random.nextInt(MODELS.size()));
    var golden = Golden.read(model).greedy();
    int prompt = golden.prompt().length;
    int sequences = 1 + random.nextInt(4);
    int microBatches = 1 + random.nextInt(sequences);
    var draft =
        Draft.allOnHost(
                model,
                new BatchShape(
                    sequences, microBatches, prompt, TOKENS, 1 + random.nextInt(prompt + 2)),
                ElementType.F32)
            .withWeights(Drawn.shares(random, "gpu", "ram", "ssd"))
            .withKv(
                Drawn.shares(random, "gpu", "ram", "ssd", "inst"),
                Draft.Axis.values()[random.nextInt(Draft.Axis.values().length)])
            .withPrefetch(random.nextInt(3))
            .withGpuAttending(random.nextBoolean())
            .withCuts(cuts(random, ModelHeaders.open(model).shape().layers()));
    var plan = draft.plan();
    var schedule = randomSchedule(random, draft.schedule(), plan);
    var request = new Request(golden.prompt(), TOKENS, Set.of(), Sampling.GREEDY);
    var requests = Collections.nCopies(sequences + random.nextInt(2), request);
    try (var session = Session.open(plan, schedule, folder, model, 2)) {
      for (var completion : session.generate(requests, (index, id) -> true)) {
        assertEquals(
            golden.output().subList(0, TOKENS),
            completion.output(),
            () -> "seed %d: %s, %s".formatted(seed, draft, schedule));
      }
    }
    var stages = plan.stages().devices();
    assertTrue(stages.size() > 1, () -> "seed " + seed);
    for (int i = 0; i < stages.size(); i++) {
      long most = driver.mostMemory(i);
      long planned = plan.bytesOn(stages.get(i));
      assertTrue(
          most > 0 && most <= planned,
          () -> "seed %d: %d of %d planned bytes".formatted(seed, most, planned));
    }
    driver.assertEverythingIsReleased("with seed " + seed);
  }

  @Test
  void theVerifierFindsWhatStagesLack() throws Exception {
    var plan = halves().plan();
    assertEquals(List.of(), PlanVerifier.verify(plan));
    var sections = new ArrayList<>(plan.sections());
    int handover =
        IntStream.range(0, sections.size())
            .filter(i -> isCopy(sections.get(i)))
            .findFirst()
            .orElseThrow();
    var sent = sections.remove(handover);
    rejects(plan, sections, "section layers.1-2: hidden states are still on gpu");
    sections.add(1, sent);
    rejects(
        plan,
        sections,
        "section to.gpu1: it computes nothing, and brings no stage's hidden states to the next");
    var layers = plan.sections().get(1);
    var steps = new ArrayList<>(layers.steps());
    var norm = (Step.Compute) steps.getFirst();
    steps.set(0, new Step.Compute(norm.op(), "gpu1", norm.reads(), norm.writes()));
    var mixed = new ArrayList<>(plan.sections());
    mixed.set(1, new Section(layers.name(), layers.layers(), steps));
    rejects(plan, mixed, "section layers.0-0: computes at gpu, but also at gpu1");
  }

  @Test
  void aMissingOrLostGpuIsOneErrorAndEverythingIsReleased() throws Exception {
    var plan = halves().plan();
    var schedule = halves().schedule();
    driver.set(Setting.DEVICES, 1);
    var missing =
        assertThrows(
            DeviceException.class, () -> Session.open(plan, schedule, folder, MODELS.get(1), 2));
    assertEquals("gpu1: this machine has 1 GPUs that Stowage can use", missing.getMessage());
    driver.assertEverythingIsReleased("with one GPU");
    driver.set(Setting.DEVICES, 2);
    driver.set(Setting.LAUNCHES_LEFT, 20);
    var request = new Request(new int[] {1, 2, 3}, 2, Set.of(), Sampling.GREEDY);
    try (var session = Session.open(plan, schedule, folder, MODELS.get(1), 2)) {
      assertThrows(
          DeviceException.class, () -> session.generate(List.of(request), (index, id) -> true));
    }
    driver.assertEverythingIsReleased("after one was lost");
  }

  /** A model of three layers, one of them on the first gpu, two on the second. */
  private static Draft halves() {
    return Draft.allOnHost(MODELS.get(1), new BatchShape(2, 2, 4, 4, 4), ElementType.F32)
        .withWeights(Draft.shares("gpu", 1.0))
        .withKv(Draft.shares("gpu", 1.0), Draft.Axis.TOKENS)
        .withCuts(List.of(1));
  }

  private static boolean isCopy(Section section) {
    return section.steps().stream().allMatch(Step.Copy.class::isInstance);
  }

  private static void rejects(ExecutablePlan plan, List<Section> sections, String violation) {
    var broken =
        new ExecutablePlan(
            plan.name(),
            plan.source(),
            plan.shape(),
            plan.machine(),
            plan.batch(),
            plan.kvType(),
            plan.weights(),
            plan.kv(),
            plan.buffers(),
            sections,
            plan.shares(),
            plan.predicted());
    var found = PlanVerifier.verify(broken).stream().map(Violation::toString).toList();
    assertTrue(found.contains(violation), () -> violation + " is not among " + found);
  }

  /** One or two layers of the model, as far as it has them. */
  private static List<Integer> cuts(Random random, int layers) {
    var cuts = new TreeSet<Integer>();
    for (int i = 0; i <= random.nextInt(2); i++) {
      cuts.add(1 + random.nextInt(layers - 1));
    }
    return List.copyOf(cuts);
  }

  private static Schedule randomSchedule(Random random, Schedule plain, ExecutablePlan plan) {
    var order =
        switch (random.nextInt(4)) {
          case 0 -> new Schedule.Order.ZigZag();
          case 1 -> new Schedule.Order.RowByRow();
          case 2 -> new Schedule.Order.Pipeline();
          default -> Drawn.word(random, plan);
        };
    return new Schedule(order, plain.prefetch(), random.nextInt(3) > 0 ? plain.lanes() : List.of());
  }
}
