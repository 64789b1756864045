package dev.stowage.plan.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTest {
  @TempDir Path folder;

  static Stream<Path> shippedModels() {
    return Stream.concat(
        Stream.of("tiny-opt", "tiny-llama").map(TestModel.EXAMPLES.resolve("models")::resolve),
        Stream.of(
                "llama-gqa-bf16", "opt-f32-proj", "opt-small", "qwen2-bias-sharded", "qwen3-qknorm")
            .map(TestModel.EXAMPLES.resolve("src/test/resources/golden")::resolve));
  }

  @ParameterizedTest
  @MethodSource("shippedModels")
  void accountsForEveryByteOfAModel(Path path) throws Exception {
    var model = ModelFolder.open(path);
    var shape = model.shape();

    long matrices = 0;
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
          matrices += model.tensor(weight, layer).bytes();
        }
      }
    }
    long vectorElements = 0;
    long vectorBytes = 0;
    for (var vector : ModelVector.values()) {
      if (vector.length(shape) > 0) {
        for (int layer = 0; layer < (vector.perLayer() ? shape.layers() : 1); layer++) {
          vectorElements += model.tensor(vector, layer).shape().getFirst();
          vectorBytes += model.tensor(vector, layer).bytes();
        }
      }
    }

    assertEquals(shape.matrixBytes(), matrices);
    assertEquals(shape.vectorBytes(), 4 * vectorElements);
    long stored = model.index().tensors().values().stream().mapToLong(Tensor::bytes).sum();
    assertEquals(stored, matrices + vectorBytes);
  }

  @Test
  void readsAnOptThatProjectsItsEmbedding() throws Exception {
    var shape = golden("opt-f32-proj").shape();

    assertEquals(Family.OPT, shape.family());
    assertEquals(96, shape.hidden());
    assertEquals(48, shape.embedding());
    assertEquals(16, shape.headDim());
    assertEquals(6, shape.kvHeads());
    assertEquals(ElementType.F32, shape.weightType());
    assertTrue(shape.tiedHead() && shape.qkvBias() && shape.outputBias() && shape.mlpBias());
  }

  @Test
  void readsALlamaWithGroupedQueries() throws Exception {
    var model = golden("llama-gqa-bf16");
    var shape = model.shape();

    assertEquals(Family.LLAMA, shape.family());
    assertEquals(2, shape.kvHeads());
    assertEquals(16, shape.headDim());
    assertEquals(500_000, shape.ropeTheta());
    assertEquals(ElementType.BF16, shape.weightType());
    assertEquals(OptionalInt.of(1), model.beginToken());
    assertEquals(List.of(2), model.endTokens());
    assertEquals("lm_head.weight", model.tensor(Weight.HEAD, 0).name());
  }

  @Test
  void readsAQwen2WithBiasesOnQKAndVOnly() throws Exception {
    var model = golden("qwen2-bias-sharded");

    assertTrue(model.shape().qkvBias());
    assertEquals(0, ModelVector.O_BIAS.length(model.shape()));
    assertThrows(IllegalArgumentException.class, () -> model.tensor(Weight.HEAD, 0));
  }

  @Test
  void readsAQwen3WithHeadNorms() throws Exception {
    var model = golden("qwen3-qknorm");

    assertEquals(32, model.shape().headDim());
    assertEquals(128, model.shape().queryWidth());
    assertEquals(
        "model.layers.1.self_attn.k_norm.weight", model.tensor(ModelVector.K_NORM, 1).name());
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.decoder.", "decoder.", ""})
  void findsAnOptUnderItsPrefix(String prefix) throws Exception {
    var model =
        ModelFolder.open(
            TestModel.write(folder, TestModel.optConfig(), TestModel.optTensors(prefix)));

    assertEquals(prefix + "layers.0.fc2.weight", model.tensor(Weight.DOWN, 0).name());
  }

  @Test
  void findsALlamaWithoutPrefix() throws Exception {
    var tensors = new LinkedHashMap<String, String>();
    TestModel.llamaTensors()
        .forEach((name, what) -> tensors.put(name.replaceFirst("^model\\.", ""), what));

    var model = ModelFolder.open(TestModel.write(folder, TestModel.llamaConfig(), tensors));

    assertEquals("layers.0.mlp.up_proj.weight", model.tensor(Weight.UP, 0).name());
  }

  static Stream<List<Object>> ropes() {
    var none = new RopeScaling.None();
    String llama3 =
        "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}";
    var stretched = new RopeScaling.Llama3(8, 1, 4, 8192);
    return Stream.of(
        List.of(new String[] {}, 10_000.0, none),
        List.of(new String[] {"rope_theta:5e5", "rope_scaling:null"}, 5e5, none),
        List.of(
            new String[] {"rope_theta:5e5", "rope_scaling:{\"rope_type\": \"llama3\", " + llama3},
            5e5,
            stretched),
        List.of(
            new String[] {"rope_scaling:{\"type\": \"llama3\", " + llama3}, 10_000.0, stretched),
        List.of(
            new String[] {"rope_scaling:{\"type\": \"linear\", \"factor\": 2}"},
            10_000.0,
            new RopeScaling.Linear(2)),
        List.of(
            new String[] {"rope_parameters:{\"rope_type\": \"default\", \"rope_theta\": 1000000}"},
            1e6,
            none),
        List.of(
            new String[] {
              "rope_parameters:{\"rope_theta\": 500000.0, \"rope_type\": \"llama3\", " + llama3
            },
            5e5,
            stretched));
  }

  @ParameterizedTest
  @MethodSource("ropes")
  void readsRotaryPositionsInOldAndNewLayout(List<Object> example) throws Exception {
    var shape = llama((String[]) example.get(0)).shape();

    assertEquals(example.get(1), shape.ropeTheta());
    assertEquals(example.get(2), shape.ropeScaling());
  }

  @ParameterizedTest
  @ValueSource(strings = {"yarn", "dynamic", "longrope", "su"})
  void refusesOtherRotaryScaling(String type) {
    assertComplaint(
        "rope_scaling.type is not supported",
        "rope_scaling:{\"type\": \"" + type + "\", \"factor\": 2.0}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model_type:\"gpt2\" | model_type 'gpt2' is none of opt, llama, mistral, qwen2, qwen3",
        "model_type | model_type '' is none of",
        "model_type:7 | model_type is no text (7)",
        "hidden_size | hidden_size is missing",
        "hidden_size:8.5 | hidden_size is no natural number (8.5)",
        "hidden_size:-8 | hidden_size is no natural number (-8)",
        "hidden_size:99999999999 | hidden_size is no natural number",
        "hidden_size:16777216 | outside 1..",
        "num_hidden_layers:0 | outside 1..",
        "num_hidden_layers:2000000 | layers",
        "num_attention_heads:0 | num_attention_heads is none",
        "num_attention_heads:3 | num_attention_heads does not divide hidden_size 8 (3)",
        "num_key_value_heads:0 | num_key_value_heads is none",
        "num_key_value_heads:2 | k_proj.weight is [4, 8]; config.json asks for [8, 8]",
        "head_dim:3 | rotary positions need an even head width",
        "hidden_act:\"gelu\" | hidden_act is not supported",
        "rms_norm_eps:0 | rms_norm_eps is no positive number",
        "rms_norm_eps:1e999 | rms_norm_eps is no positive number",
        "rope_theta:\"x\" | rope_theta is no positive number",
        "rope_scaling:{\"type\": \"linear\"} | rope_scaling.factor is missing",
        "rope_scaling:[] | rope_scaling is no object",
        "partial_rotary_factor:0.5 | rotates part of a head",
        "quantization_config:{} | quantized weights are not read",
        "tie_word_embeddings:1 | tie_word_embeddings is neither true nor false",
        "attention_bias:true | q_proj.bias is missing",
        "mlp_bias:true | gate_proj.bias is missing",
        "eos_token_id:\"x\" | eos_token_id is neither a token id nor a list of them",
        "vocab_size:6 | tensor model.embed_tokens.weight is [5, 8]; config.json asks for [6, 8]",
      })
  void refusesAConfigurationItCannotCarryOut(String change, String complaint) {
    assertComplaint(complaint, change);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "do_layer_norm_before:false | norms behind each block",
        "activation_function:\"gelu\" | activation_function is not supported",
        "layer_norm_elementwise_affine:false | norms without weights",
        "_remove_final_layer_norm:true | drops the last norm",
        "tie_word_embeddings:false | tensor lm_head.weight is missing",
        "enable_bias:false | has no place",
        "max_position_embeddings:2048 | embed_positions.weight is [18, 8]; config.json asks for [2050, 8]",
      })
  void refusesAnOptItCannotCarryOut(String change, String complaint) throws Exception {
    TestModel.write(folder, TestModel.optConfig(change), TestModel.optTensors("model.decoder."));

    var e = assertThrows(ModelFormatException.class, () -> ModelFolder.open(folder));
    assertTrue(e.getMessage().contains(complaint), e.getMessage());
  }

  @Test
  void refusesMatricesOfTwoTypes() throws Exception {
    var tensors = TestModel.llamaTensors();
    tensors.put("model.layers.0.mlp.up_proj.weight", "BF16 12 8");
    TestModel.write(folder, TestModel.llamaConfig(), tensors);

    var e = assertThrows(ModelFormatException.class, () -> ModelFolder.open(folder));
    assertTrue(
        e.getMessage()
            .contains("up_proj.weight is stored as BF16, but model.embed_tokens.weight as F16"),
        e.getMessage());
  }

  @Test
  void refusesABiasThatTheConfigurationDoesNotExplain() throws Exception {
    var tensors = TestModel.llamaTensors();
    tensors.put("model.layers.0.self_attn.q_proj.bias", "F16 8");
    TestModel.write(folder, TestModel.llamaConfig(), tensors);

    var e = assertThrows(ModelFormatException.class, () -> ModelFolder.open(folder));
    assertTrue(e.getMessage().contains("q_proj.bias has no place in a llama"), e.getMessage());
  }

  @Test
  void passesOverTensorsThatChangeNothing() throws Exception {
    var tensors = TestModel.llamaTensors();
    tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", "F32 2");
    tensors.put("model.layers.7.mlp.up_proj.weight", "F16 12 8");

    TestModel.write(folder, TestModel.llamaConfig("tie_word_embeddings:true"), tensors);

    assertTrue(ModelFolder.open(folder).shape().tiedHead());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mistral | sliding_window:7 | 7",
        "mistral | sliding_window:null | 0",
        "mistral | x:1 | 4096",
        "qwen2 | sliding_window:7 | 0",
        "qwen2 | sliding_window:7;use_sliding_window:true;max_window_layers:1 | 0",
        "qwen2 | sliding_window:7;use_sliding_window:true;max_window_layers:0 | 7",
        "qwen2 | sliding_window:7;use_sliding_window:true;layer_types:[\"sliding_attention\"] | 7",
        "qwen2 | sliding_window:7;use_sliding_window:true;layer_types:[\"full_attention\"] | 0",
        "llama | sliding_window:7 | 0",
      })
  void honoursSlidingWindows(String family, String changes, int window) throws Exception {
    var all =
        Stream.concat(Stream.of("model_type:\"" + family + "\""), Stream.of(changes.split(";")));
    TestModel.write(folder, TestModel.llamaConfig(all.toArray(String[]::new)), tensorsOf(family));

    assertEquals(
        window == 0 ? Optional.empty() : Optional.of(window),
        ModelFolder.open(folder).shape().slidingWindow());
  }

  @Test
  void refusesLayersOfMixedAttention() {
    assertComplaint(
        "layer_types mixes full and sliding attention",
        "model_type:\"qwen3\"",
        "layer_types:[\"full_attention\", \"sliding_attention\"]");
  }

  @Test
  void infersKeyHeadsThatTheConfigurationLeavesOut() throws Exception {
    assertEquals(1, llama("num_key_value_heads").shape().kvHeads());
  }

  @Test
  void takesTokenIdsFromTheGenerationConfigurationFirst() throws Exception {
    TestModel.write(
        folder,
        TestModel.llamaConfig("eos_token_id:2", "bos_token_id:1"),
        TestModel.llamaTensors());
    assertEquals(List.of(2), ModelFolder.open(folder).endTokens());

    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [3, 4]}");

    var model = ModelFolder.open(folder);
    assertEquals(List.of(3, 4), model.endTokens());
    assertEquals(OptionalInt.of(1), model.beginToken());
  }

  @Test
  void fingerprintsConfigurationAndHeaders() throws Exception {
    var model = llama();
    String before = model.fingerprint();
    assertEquals(before, ModelFolder.open(folder).fingerprint());
    assertTrue(before.matches("[0-9a-f]{64}"), before);

    assertNotEquals(before, llama("bos_token_id:1").fingerprint());
  }

  @Test
  void saysWhatIsMissing() throws Exception {
    assertTrue(
        assertThrows(ModelFormatException.class, () -> ModelFolder.open(folder.resolve("nowhere")))
            .getMessage()
            .contains("no such folder"));
    assertTrue(
        assertThrows(ModelFormatException.class, () -> ModelFolder.open(folder))
            .getMessage()
            .contains("config.json: no such file"));
  }

  private static ModelFolder golden(String name) throws ModelFormatException {
    return ModelFolder.open(TestModel.EXAMPLES.resolve("src/test/resources/golden").resolve(name));
  }

  private ModelFolder llama(String... changes) throws Exception {
    return ModelFolder.open(
        TestModel.write(folder, TestModel.llamaConfig(changes), TestModel.llamaTensors()));
  }

  private static Map<String, String> tensorsOf(String family) {
    var tensors = TestModel.llamaTensors();
    if (family.equals("qwen2")) {
      tensors.put("model.layers.0.self_attn.q_proj.bias", "F16 8");
      tensors.put("model.layers.0.self_attn.k_proj.bias", "F16 4");
      tensors.put("model.layers.0.self_attn.v_proj.bias", "F16 4");
    }
    return tensors;
  }

  private void assertComplaint(String complaint, String... changes) {
    var e = assertThrows(ModelFormatException.class, () -> llama(changes));
    assertTrue(e.getMessage().contains(complaint), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }
}
