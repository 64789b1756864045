package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where weights and keys lie, how requests are batched and in what order micro-batches run never
 * changes a token: random plans and random schedules, over every device there is without special
 * hardware.
 */
class PlacementInvarianceTest {
  private static final long SEED = 20_260_101;
  private static final int PLANS = 40;
  private static final List<Path> MODELS =
      List.of(
          Path.of("src/test/resources/golden/opt-f32-proj"),
          Path.of("src/test/resources/golden/llama-gqa-bf16"),
          Path.of("src/test/resources/golden/qwen2-bias-sharded"),
          Path.of("src/test/resources/golden/qwen3-qknorm"),
          Path.of("models/tiny-opt"),
          Path.of("models/tiny-llama"));

  @TempDir Path folder;

  static Stream<Long> seeds() {
    return LongStream.range(0, PLANS).map(i -> SEED + i).boxed();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void anyPlacementAndAnyScheduleMakeTheSameTokens(long seed) throws Exception {
    var random = new Random(seed);
    var model = MODELS.get(random.nextInt(MODELS.size()));
    var golden = Golden.read(model).greedy();
    int promptTokens = golden.prompt().length;
    int tokens = golden.output().size();
    int sequences = 1 + random.nextInt(6);
    var batch =
        new BatchShape(
            sequences,
            1 + random.nextInt(sequences),
            promptTokens,
            tokens,
            1 + random.nextInt(promptTokens + 3));
    var draft =
        Draft.allOnHost(model, batch, ElementType.F32)
            .withWeights(Drawn.shares(random, "ram", "ssd"))
            .withKv(
                Drawn.shares(random, "inst", "ssd", "ram"),
                Draft.Axis.values()[random.nextInt(Draft.Axis.values().length)])
            .withPrefetch(random.nextInt(4));
    var plan = draft.plan();
    var schedule = randomSchedule(random, draft.schedule(), plan);

    // the golden prompt among others of other lengths, more requests than slots
    var requests = new ArrayList<Request>();
    int count = 1 + random.nextInt(2 * sequences);
    int place = random.nextInt(count);
    for (int i = 0; i < count; i++) {
      var prompt = i == place ? golden.prompt() : randomPrompt(random, promptTokens, plan);
      int most = i == place ? tokens : 1 + random.nextInt(tokens);
      requests.add(new Request(prompt, most, Set.of(), Sampling.GREEDY));
    }
    List<Completion> completions;
    try (var session = Session.open(plan, schedule, folder, model, 1 + random.nextInt(3))) {
      completions = session.generate(requests, (request, id) -> true);
    }
    assertEquals(
        golden.output(),
        completions.get(place).output(),
        () -> "seed %d: %s, %s".formatted(seed, draft, schedule));
    assertEquals(
        alone(model, requests, plan),
        completions.stream().map(Completion::output).toList(),
        () ->
            "seed %d, against each request alone on the host: %s, %s"
                .formatted(seed, draft, schedule));
  }

  /**
   * A window hides other keys from every row, in every region: here Mistral's, over a Llama's
   * weights.
   */
  @Test
  void aSlidingWindowSeesTheSameKeysWhereverTheyLie() throws Exception {
    var model = folder.resolve("mistral");
    Files.createDirectory(model);
    var llama = Path.of("models/tiny-llama");
    Files.copy(llama.resolve("model.safetensors"), model.resolve("model.safetensors"));
    Files.writeString(
        model.resolve("config.json"),
        Files.readString(llama.resolve("config.json"))
            .replaceFirst(
                "\"model_type\"\\s*:\\s*\"llama\"",
                "\"model_type\":\"mistral\",\"sliding_window\":9"));
    var prompt = Golden.read(llama).greedy().prompt();
    var request = new Request(prompt, 40, Set.of(), Sampling.GREEDY);
    var outputs = new ArrayList<List<Integer>>();
    for (int chunk : new int[] {1, 4, prompt.length}) {
      for (var kv :
          List.of(
              Draft.shares("ram", 1),
              Draft.shares("inst", 1),
              Draft.shares("inst", 0.3, "ssd", 0.3, "ram", 0.4))) {
        var draft =
            Draft.allOnHost(model, new BatchShape(2, 1, prompt.length, 40, chunk), ElementType.F32)
                .withKv(kv, Draft.Axis.TOKENS);
        try (var session = Session.open(draft.plan(), draft.schedule(), folder, model, 2)) {
          outputs.add(session.generate(List.of(request), (r, id) -> true).getFirst().output());
        }
      }
    }
    assertEquals(Collections.nCopies(outputs.size(), outputs.getFirst()), outputs);
    try (var session = openOnHost(llama, prompt.length)) {
      var unlimited = session.generate(List.of(request), (r, id) -> true).getFirst().output();
      assertNotEquals(unlimited, outputs.getFirst(), "the window changes what is computed");
    }
  }

  private Session openOnHost(Path model, int promptTokens) throws Exception {
    var draft =
        Draft.allOnHost(
            model, new BatchShape(1, 1, promptTokens, 40, promptTokens), ElementType.F32);
    return Session.open(draft.plan(), draft.schedule(), folder, model, 1);
  }

  /** Every request by itself, everything in host memory. */
  private List<List<Integer>> alone(Path model, List<Request> requests, ExecutablePlan like)
      throws Exception {
    var batch =
        new BatchShape(
            1,
            1,
            like.batch().promptTokens(),
            like.batch().generateTokens(),
            like.batch().promptTokens());
    var draft = Draft.allOnHost(model, batch, ElementType.F32);
    var outputs = new ArrayList<List<Integer>>();
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, model, 1)) {
      for (var request : requests) {
        outputs.add(session.generate(List.of(request), (r, id) -> true).getFirst().output());
      }
    }
    return outputs;
  }

  private static Schedule randomSchedule(Random random, Schedule plain, ExecutablePlan plan) {
    var order = Drawn.order(random, plan);
    return new Schedule(order, plain.prefetch(), random.nextBoolean() ? plain.lanes() : List.of());
  }

  private static int[] randomPrompt(Random random, int longest, ExecutablePlan plan) {
    return random.ints(1 + random.nextInt(longest), 0, plan.shape().vocabulary()).toArray();
  }
}
