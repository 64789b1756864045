package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every model computes its reference numbers, wherever weights and keys lie and however many
 * requests run together.
 */
class GoldenTest {
  private static final List<Path> MODELS =
      List.of(
          Path.of("src/test/resources/golden/opt-small"),
          Path.of("src/test/resources/golden/opt-f32-proj"),
          Path.of("src/test/resources/golden/llama-gqa-bf16"),
          Path.of("src/test/resources/golden/qwen2-bias-sharded"),
          Path.of("src/test/resources/golden/qwen3-qknorm"),
          Path.of("models/tiny-opt"),
          Path.of("models/tiny-llama"));

  @TempDir Path folder;

  enum Placement {
    ALL_HOST(Map.of("ram", 1.0), Map.of("ram", 1.0)),
    ALL_DISK(Map.of("ssd", 1.0), Map.of("ssd", 1.0)),
    KV_ON_CSD(Map.of("ram", 1.0), Map.of("inst", 1.0)),
    SPLIT_37_41_22(
        Draft.shares("ram", 0.59, "ssd", 0.41),
        Draft.shares("inst", 0.37, "ssd", 0.41, "ram", 0.22));

    final Map<String, Double> weights;
    final Map<String, Double> kv;

    Placement(Map<String, Double> weights, Map<String, Double> kv) {
      this.weights = weights;
      this.kv = kv;
    }
  }

  static Stream<Arguments> cases() {
    return MODELS.stream()
        .flatMap(
            model ->
                Stream.of(Placement.values()).map(placement -> Arguments.of(model, placement)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void scoresAndContinuesAsTheReferenceDoes(Path model, Placement placement) throws Exception {
    var golden = Golden.read(model);
    var type = ModelFolder.open(model).shape().weightType();
    double tolerance = type == ElementType.F32 ? 2e-3 : 1e-2;
    int longest =
        golden.score().stream().mapToInt(scored -> scored.ids().length).max().orElseThrow();
    // chunks shorter than the prompts, so that prompts too are attended where their keys lie
    var draft =
        Draft.allOnHost(model, new BatchShape(8, 3, longest, 64, 23), kvType(type))
            .withWeights(placement.weights)
            .withKv(placement.kv, Draft.Axis.TOKENS);
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, model, 2)) {
      for (var scored : golden.score()) {
        var score = session.score(scored.ids(), scored.top().length);
        for (int i = 0; i < scored.logprobs().length; i++) {
          assertEquals(
              scored.logprobs()[i], score.logprobs().get(i), tolerance, "token " + (i + 1));
        }
        for (int i = 0; i < scored.top().length; i++) {
          assertEquals(
              scored.topLogprobs()[i], score.top().get(i).logprob(), tolerance, "rank " + i);
        }
      }
      var greedy = golden.greedy();
      var request = new Request(greedy.prompt(), greedy.output().size(), Set.of(), Sampling.GREEDY);
      for (int batch : new int[] {1, 8}) {
        for (var completion :
            session.generate(Collections.nCopies(batch, request), (index, id) -> true)) {
          assertEquals(greedy.output(), completion.output(), "batch " + batch);
        }
      }
    }
  }

  /** As the compiler chooses it. */
  private static ElementType kvType(ElementType weights) {
    return weights == ElementType.F16 ? ElementType.F16 : ElementType.F32;
  }
}
