package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Setting;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Models compute their reference numbers on a GPU too, wherever weights and keys lie: on the
 * emulated driver, so that the device code and the kernels are those of a GPU.
 */
class GpuTest {
  private static final Path OPT = Path.of("src/test/resources/golden/opt-f32-proj");
  private static final Path LLAMA = Path.of("src/test/resources/golden/llama-gqa-bf16");
  private static final Path QWEN = Path.of("src/test/resources/golden/qwen3-qknorm");

  /** Of the text that is scored and of what is generated: a GPU's threads are slow on a CPU. */
  private static final int SCORED = 40;

  private static final int GENERATED = 8;

  @TempDir Path folder;
  private EmulatedDriver driver;

  enum Placement {
    ALL_GPU(Map.of("gpu", 1.0), Map.of("gpu", 1.0)),
    KV_SPLIT(Map.of("gpu", 1.0), Draft.shares("gpu", 0.3, "ram", 0.25, "inst", 0.25, "ssd", 0.2)),
    WEIGHTS_FROM_HOST(Map.of("ram", 1.0), Map.of("gpu", 1.0)),
    WEIGHTS_SPLIT(Draft.shares("gpu", 0.3, "ram", 0.3, "ssd", 0.4), Map.of("gpu", 1.0));

    final Map<String, Double> weights;
    final Map<String, Double> kv;

    Placement(Map<String, Double> weights, Map<String, Double> kv) {
      this.weights = weights;
      this.kv = kv;
    }
  }

  static Stream<Arguments> cases() {
    return Stream.concat(
        Stream.of(OPT, LLAMA)
            .flatMap(
                model ->
                    Stream.of(Placement.values()).map(placement -> Arguments.of(model, placement))),
        Stream.of(Arguments.of(QWEN, Placement.ALL_GPU)));
  }

  @BeforeEach
  void loadDriver() {
    driver = EmulatedDriver.loaded();
  }

  @AfterEach
  void everythingIsReleased() {
    driver.assertEverythingIsReleased("afterwards");
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void scoresAndContinuesAsTheReferenceDoes(Path model, Placement placement) throws Exception {
    var golden = Golden.read(model);
    var type = ModelFolder.open(model).shape().weightType();
    double tolerance = type == ElementType.F32 ? 2e-3 : 1e-2;
    // chunks shorter than the prompts, so that prompts too are attended where their keys lie
    var draft =
        Draft.allOnHost(
                model,
                new BatchShape(2, 2, SCORED, 24, 23),
                type == ElementType.F32 ? ElementType.F32 : ElementType.F16)
            .withWeights(placement.weights)
            .withKv(placement.kv, Draft.Axis.TOKENS);
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, model, 2)) {
      var longest = golden.score().getLast();
      var score = session.score(Arrays.copyOf(longest.ids(), SCORED), 1);
      for (int i = 0; i < SCORED - 1; i++) {
        assertEquals(longest.logprobs()[i], score.logprobs().get(i), tolerance, "token " + (i + 1));
      }
      var greedy = golden.greedy();
      var request = new Request(greedy.prompt(), GENERATED, Set.of(), Sampling.GREEDY);
      for (var completion : session.generate(List.of(request, request), (index, id) -> true)) {
        assertEquals(greedy.output().subList(0, GENERATED), completion.output());
      }
    }
  }

  /** Nearly: a number between two codes may be stored as the one here and as the other there. */
  @ParameterizedTest(name = "weights {0}, keys and values {1}")
  @CsvSource({"INT8, INT8, 2e-3", "INT4, F16, 2e-3", "BF16, INT4, 2e-2"})
  void quantizedNumbersScoreAsOnTheHost(ElementType weights, ElementType kv, double tolerance)
      throws Exception {
    var onHost =
        Draft.allOnHost(LLAMA, new BatchShape(1, 1, 24, 1, 11), kv).withWeightType(weights);
    var onGpu =
        onHost
            .withWeights(Draft.shares("gpu", 0.4, "ram", 0.3, "ssd", 0.3))
            .withKv(Draft.shares("gpu", 0.5, "ram", 0.25, "ssd", 0.25), Draft.Axis.TOKENS);
    int[] ids = Arrays.copyOf(Golden.read(LLAMA).score().getLast().ids(), 24);
    for (boolean gpuAttends : new boolean[] {false, true}) {
      var expected = logprobs(onHost, ids);
      var logprobs = logprobs(onGpu.withGpuAttending(gpuAttends), ids);
      for (int i = 0; i < expected.size(); i++) {
        assertEquals(expected.get(i), logprobs.get(i), tolerance, "token " + (i + 1));
      }
    }
  }

  private List<Double> logprobs(Draft draft, int[] ids) throws Exception {
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2)) {
      return session.score(ids, 0).logprobs().stream().map(Number::doubleValue).toList();
    }
  }

  /** Tokens are chosen on a GPU as on the host: what the part that is not read does is the same. */
  @Test
  void attentionThatReadsAPartMakesTheTokensOfTheHost() throws Exception {
    var requests =
        List.of(
            new Request(Golden.read(LLAMA).greedy().prompt(), GENERATED, Set.of(), Sampling.GREEDY),
            new Request(new int[] {7, 100, 3, 9, 44, 5}, GENERATED, Set.of(), Sampling.GREEDY));
    var onHost =
        Draft.allOnHost(LLAMA, new BatchShape(2, 2, 24, GENERATED, 11), ElementType.F32)
            .withSparsity(new Sparsity(3, 0.25));
    var expected = outputs(onHost, requests);
    assertNotEquals(
        expected, outputs(onHost.withSparsity(new Sparsity(1, 1)), requests), "a part is read");
    for (var axis : List.of(Draft.Axis.HEADS, Draft.Axis.LAYERS)) {
      var onGpu =
          onHost.withWeights(Map.of("gpu", 1.0)).withKv(Draft.shares("gpu", 0.5, "ram", 0.5), axis);
      assertEquals(expected, outputs(onGpu, requests), axis.toString());
    }
  }

  private List<List<Integer>> outputs(Draft draft, List<Request> requests) throws Exception {
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2)) {
      return session.generate(requests, (index, id) -> true).stream()
          .map(Completion::output)
          .toList();
    }
  }

  @Test
  void saysThatTheGpuWasLostAndReleasesEverything() throws Exception {
    var draft =
        Draft.allOnHost(LLAMA, new BatchShape(1, 1, 8, 8, 8), ElementType.F16)
            .withWeights(Map.of("gpu", 1.0))
            .withKv(Map.of("gpu", 1.0), Draft.Axis.TOKENS);
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, LLAMA, 1)) {
      driver.set(Setting.LAUNCHES_LEFT, 40);
      var request = new Request(new int[] {1, 2, 3}, 8, Set.of(), Sampling.GREEDY);
      var e =
          assertThrows(
              DeviceException.class, () -> session.generate(List.of(request), (i, id) -> true));
      assertEquals(
          "gpu: the GPU could not finish what was started: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)",
          e.getMessage());
    }
  }

  @Test
  void saysThatTheGpuHasTooLittleMemoryAndReleasesEverything() throws Exception {
    driver.set(Setting.MEMORY, 100_000);
    var draft =
        Draft.allOnHost(LLAMA, new BatchShape(1, 1, 8, 8, 8), ElementType.F16)
            .withWeights(Map.of("gpu", 1.0))
            .withKv(Map.of("gpu", 1.0), Draft.Axis.TOKENS);
    var e =
        assertThrows(
            DeviceException.class,
            () -> Session.open(draft.plan(), draft.schedule(), folder, LLAMA, 1));
    assertEquals(
        "within the plan's budget, but the GPU has only",
        e.getMessage().replaceAll(".*(within .* only).*", "$1"));
  }

  @ParameterizedTest
  @CsvSource({
    "BINARY_FITS, 0, the kernels do not run on Stowage emulated GPU",
    "VERSION, 12040, the NVIDIA driver is too old",
    "DEVICES, 0, the NVIDIA driver finds no GPU"
  })
  void saysThatTheGpuCannotBeUsedAndReleasesEverything(Setting setting, long value, String reason)
      throws Exception {
    driver.set(setting, value);
    var draft =
        Draft.allOnHost(LLAMA, new BatchShape(1, 1, 8, 8, 8), ElementType.F16)
            .withWeights(Draft.shares("gpu", 0.5, "ram", 0.5));
    var e =
        assertThrows(
            DeviceException.class,
            () -> Session.open(draft.plan(), draft.schedule(), folder, LLAMA, 1));
    assertTrue(e.getMessage().startsWith("gpu: " + reason), e.getMessage());
    assertEquals(0, e.getSuppressed().length);
  }
}
