package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Count;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where a GPU computes, too, no placement and no schedule changes a token, and none takes more of
 * the GPU's memory than planned. {@code -Dstowage.gpu.placements=50} draws more of them.
 */
class GpuPlacementTest {
  private static final long SEED = 20_261_101;
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
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void anyPlacementAndAnyScheduleMakeTheSameTokens(long seed) throws Exception {
    var random = new Random(seed);
    var model = MODELS.get(random.nextInt(MODELS.size()));
    var golden = Golden.read(model).greedy();
    int prompt = golden.prompt().length;
    int sequences = 1 + random.nextInt(3);
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
            .withWaitingOnHost(random.nextInt(microBatches + 1));
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
    long most = driver.count(Count.MOST_MEMORY);
    assertTrue(
        most > 0 && most <= plan.bytesOn("gpu"),
        () -> "seed %d: %d of %d planned bytes".formatted(seed, most, plan.bytesOn("gpu")));
    driver.assertEverythingIsReleased("with seed " + seed);
  }

  private static Schedule randomSchedule(Random random, Schedule plain, ExecutablePlan plan) {
    var order = Drawn.order(random, plan);
    return new Schedule(order, plain.prefetch(), random.nextInt(3) > 0 ? plain.lanes() : List.of());
  }
}
