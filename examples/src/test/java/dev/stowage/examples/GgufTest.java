package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.GgufCopy;
import dev.stowage.plan.model.GgufModel;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Score;
import dev.stowage.runtime.session.Session;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A GGUF file computes what the folder computes that it was made of, in every type it may have. */
class GgufTest {
  private static final long SEED = 20_261_121;
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final List<Path> MODELS =
      List.of(
          GOLDEN.resolve("llama-gqa-bf16"),
          GOLDEN.resolve("qwen2-bias-sharded"),
          GOLDEN.resolve("qwen3-qknorm"),
          Path.of("models/tiny-llama"));

  /** Of log-probabilities, where activations are rounded to 15 or 16 bits for products. */
  private static final double ROUNDING = 2e-3;

  @TempDir Path folder;

  static Stream<Arguments> copies() {
    return MODELS.stream()
        .flatMap(model -> ElementType.single().stream().map(type -> Arguments.of(model, type)));
  }

  @ParameterizedTest(name = "{0} as {1}")
  @MethodSource("copies")
  void aCopyScoresAndContinuesAsTheReferenceDoes(Path model, ElementType type) throws Exception {
    var golden = Golden.read(model);
    var copy = GgufCopy.of(model, folder.resolve("copy.gguf"), (weight, layer) -> type);
    assertEquals(type, GgufModel.open(copy).shape().weightType());
    // of a type that has fewer bits than the model, only that its numbers are near
    boolean exact = type == ElementType.F32 || model.toString().contains(type.word());
    double tolerance = exact ? 2e-3 : 0.15;
    int longest = golden.score().stream().mapToInt(s -> s.ids().length).max().orElseThrow();
    var draft = Draft.allOnHost(copy, new BatchShape(2, 1, longest, 64, 23), ElementType.F32);
    try (var session = open(draft, copy)) {
      for (var scored : golden.score()) {
        var score = session.score(scored.ids(), 0);
        for (int i = 0; i < scored.logprobs().length; i++) {
          assertEquals(
              scored.logprobs()[i], score.logprobs().get(i), tolerance, "token " + (i + 1));
        }
      }
      if (exact) {
        assertEquals(golden.greedy().output(), greedy(session, golden));
      }
    }
  }

  /** Quantized rows give what the numbers give that they stand for, stored as F32. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("quantized")
  void blocksComputeTheNumbersTheyStandFor(String name, GgufCopy.Types types) throws Exception {
    var model = random(256, 512, 3);
    var quantized = GgufCopy.of(model, folder.resolve("q.gguf"), types);
    var plain =
        GgufCopy.of(
            model, folder.resolve("f.gguf"), (w, l) -> ElementType.F32, types, writer -> {});
    assertTrue(Files.size(quantized) < Files.size(plain) / 2);
    int[] ids = new Random(SEED).ints(40, 0, 64).toArray();
    var ours = score(quantized, ids);
    var expected = score(plain, ids);
    for (int i = 0; i < ids.length - 1; i++) {
      assertEquals(
          expected.logprobs().get(i), ours.logprobs().get(i), ROUNDING, name + ", seed " + SEED);
    }
    assertNotEquals(score(copy(model, ElementType.F32), ids).logprobs(), ours.logprobs());
  }

  static Stream<Arguments> quantized() {
    return Stream.concat(
        ElementType.blocks().stream()
            .map(type -> Arguments.of(type.word(), (GgufCopy.Types) (weight, layer) -> type)),
        Stream.of(Arguments.of("mixed", (GgufCopy.Types) GgufTest::mixed)));
  }

  /** As quantizers mix: some matrices of some layers in more bits. */
  private static ElementType mixed(Weight weight, int layer) {
    return switch (weight) {
      case TOKENS, HEAD -> ElementType.Q6_K;
      case V -> layer == 1 ? ElementType.Q4_K : ElementType.Q6_K;
      case DOWN -> layer == 0 ? ElementType.Q8_0 : ElementType.Q4_0;
      case UP -> layer == 2 ? ElementType.F16 : ElementType.Q4_K;
      case Q, K, O, GATE, POSITIONS, PROJECT_IN, PROJECT_OUT -> ElementType.Q4_K;
    };
  }

  @Test
  void placementChangesNoTokenOfMixedTypes() throws Exception {
    var model = GgufCopy.of(random(256, 512, 3), folder.resolve("q.gguf"), GgufTest::mixed);
    assertTrue(GgufModel.open(model).shape().stored().others().size() >= 6);
    int[] prompt = new Random(SEED).ints(11, 0, 64).toArray();
    var request = new Request(prompt, 30, Set.of(), Sampling.GREEDY);
    var outputs = new ArrayList<List<Integer>>();
    for (var weights :
        List.of(
            Draft.shares("ram", 1),
            Draft.shares("ssd", 1),
            Draft.shares("ram", 0.37, "ssd", 0.63))) {
      for (var kv :
          List.of(Draft.shares("ram", 1), Draft.shares("inst", 0.4, "ssd", 0.3, "ram", 0.3))) {
        var draft =
            Draft.allOnHost(model, new BatchShape(3, 2, prompt.length, 30, 4), ElementType.F16)
                .withWeights(weights)
                .withKv(kv, Draft.Axis.TOKENS);
        try (var session = open(draft, model)) {
          session
              .generate(List.of(request, request), (index, id) -> true)
              .forEach(completion -> outputs.add(completion.output()));
        }
      }
    }
    assertEquals(30, outputs.getFirst().size());
    assertTrue(Set.copyOf(outputs.getFirst()).size() > 3, () -> outputs.getFirst().toString());
    outputs.forEach(output -> assertEquals(outputs.getFirst(), output));
  }

  @Test
  void aGpuComputesMixedTypesAsTheHostDoes() throws Exception {
    var driver = EmulatedDriver.loaded();
    var model = GgufCopy.of(random(256, 512, 3), folder.resolve("q.gguf"), GgufTest::mixed);
    int[] ids = new Random(SEED).ints(9, 0, 64).toArray();
    var draft =
        Draft.allOnHost(model, new BatchShape(1, 1, ids.length, 1, 7), ElementType.F32)
            .withWeights(Draft.shares("gpu", 0.4, "ram", 0.3, "ssd", 0.3))
            .withKv(Draft.shares("gpu", 0.5, "ram", 0.5), Draft.Axis.TOKENS);
    var expected = score(model, ids);
    try (var session = open(draft, model)) {
      var onGpu = session.score(ids, 0);
      for (int i = 0; i < ids.length - 1; i++) {
        assertEquals(expected.logprobs().get(i), onGpu.logprobs().get(i), ROUNDING, "seed " + SEED);
      }
    }
    driver.assertEverythingIsReleased("afterwards");
  }

  private Path copy(Path model, ElementType type) throws Exception {
    return GgufCopy.of(model, folder.resolve(type.word() + ".gguf"), (weight, layer) -> type);
  }

  private Score score(Path model, int[] ids) throws Exception {
    var draft = Draft.allOnHost(model, new BatchShape(1, 1, ids.length, 1, 7), ElementType.F32);
    try (var session = open(draft, model)) {
      return session.score(ids, 0);
    }
  }

  private Session open(Draft draft, Path model) throws Exception {
    return Session.open(draft.plan(), draft.schedule(), folder, model, 2);
  }

  private static List<Integer> greedy(Session session, Golden golden) {
    var greedy = golden.greedy();
    var request = new Request(greedy.prompt(), greedy.output().size(), Set.of(), Sampling.GREEDY);
    return session.generate(List.of(request), (index, id) -> true).getFirst().output();
  }

  /** A folder of a random Llama that is wide enough for the largest blocks: vocabulary 64. */
  private Path random(int hidden, int ffn, int layers) throws Exception {
    var tensors = new java.util.LinkedHashMap<String, int[]>();
    tensors.put("model.embed_tokens.weight", new int[] {64, hidden});
    tensors.put("lm_head.weight", new int[] {64, hidden});
    tensors.put("model.norm.weight", new int[] {hidden});
    for (int layer = 0; layer < layers; layer++) {
      String prefix = "model.layers." + layer + ".";
      tensors.put(prefix + "input_layernorm.weight", new int[] {hidden});
      tensors.put(prefix + "post_attention_layernorm.weight", new int[] {hidden});
      tensors.put(prefix + "self_attn.q_proj.weight", new int[] {hidden, hidden});
      tensors.put(prefix + "self_attn.k_proj.weight", new int[] {hidden / 2, hidden});
      tensors.put(prefix + "self_attn.v_proj.weight", new int[] {hidden / 2, hidden});
      tensors.put(prefix + "self_attn.o_proj.weight", new int[] {hidden, hidden});
      tensors.put(prefix + "mlp.gate_proj.weight", new int[] {ffn, hidden});
      tensors.put(prefix + "mlp.up_proj.weight", new int[] {ffn, hidden});
      tensors.put(prefix + "mlp.down_proj.weight", new int[] {hidden, ffn});
    }
    var model = Files.createDirectory(folder.resolve("random"));
    Files.writeString(
        model.resolve("config.json"),
        """
        {"model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 64,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-5}
        """
            .formatted(hidden, ffn, layers));
    var random = new Random(SEED);
    var data = new ByteArrayOutputStream();
    var header = new StringBuilder("{");
    for (var tensor : tensors.entrySet()) {
      int count = IntStream.of(tensor.getValue()).reduce(1, (a, b) -> a * b);
      boolean norm = tensor.getValue().length == 1;
      var bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < count; i++) {
        bytes.putFloat((float) (norm ? 1 : random.nextGaussian() * 0.1));
      }
      header.append(
          "%s\"%s\": {\"dtype\": \"F32\", \"shape\": %s, \"data_offsets\": [%d, %d]}"
              .formatted(
                  header.length() > 1 ? ", " : "",
                  tensor.getKey(),
                  java.util.Arrays.toString(tensor.getValue()),
                  data.size(),
                  data.size() + bytes.capacity()));
      data.writeBytes(bytes.array());
    }
    byte[] text = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    var file = ByteBuffer.allocate(8 + text.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(text.length).put(text).put(data.toByteArray());
    Files.write(model.resolve("model.safetensors"), file.array());
    return model;
  }
}
