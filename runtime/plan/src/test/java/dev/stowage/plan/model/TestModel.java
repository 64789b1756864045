package dev.stowage.plan.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes model folders whose tensors are all zero. */
final class TestModel {
  static final Path EXAMPLES = Path.of("../../examples");

  private TestModel() {}

  /** A llama of one layer: hidden 8, 2 heads of 4, 1 KV head, FFN 12, vocabulary 5. */
  static String llamaConfig(String... more) {
    var keys = new LinkedHashMap<String, String>();
    keys.put("model_type", "\"llama\"");
    keys.put("hidden_size", "8");
    keys.put("intermediate_size", "12");
    keys.put("num_hidden_layers", "1");
    keys.put("num_attention_heads", "2");
    keys.put("num_key_value_heads", "1");
    keys.put("vocab_size", "5");
    keys.put("max_position_embeddings", "16");
    return config(keys, more);
  }

  static Map<String, String> llamaTensors() {
    var tensors = new LinkedHashMap<String, String>();
    tensors.put("model.embed_tokens.weight", "F16 5 8");
    tensors.put("model.norm.weight", "F32 8");
    tensors.put("lm_head.weight", "F16 5 8");
    tensors.put("model.layers.0.input_layernorm.weight", "F32 8");
    tensors.put("model.layers.0.post_attention_layernorm.weight", "BF16 8");
    tensors.put("model.layers.0.self_attn.q_proj.weight", "F16 8 8");
    tensors.put("model.layers.0.self_attn.k_proj.weight", "F16 4 8");
    tensors.put("model.layers.0.self_attn.v_proj.weight", "F16 4 8");
    tensors.put("model.layers.0.self_attn.o_proj.weight", "F16 8 8");
    tensors.put("model.layers.0.mlp.gate_proj.weight", "F16 12 8");
    tensors.put("model.layers.0.mlp.up_proj.weight", "F16 12 8");
    tensors.put("model.layers.0.mlp.down_proj.weight", "F16 8 12");
    return tensors;
  }

  /** An OPT of one layer: hidden 8, 2 heads, FFN 12, vocabulary 5, 16 positions. */
  static String optConfig(String... more) {
    var keys = new LinkedHashMap<String, String>();
    keys.put("model_type", "\"opt\"");
    keys.put("hidden_size", "8");
    keys.put("ffn_dim", "12");
    keys.put("num_hidden_layers", "1");
    keys.put("num_attention_heads", "2");
    keys.put("vocab_size", "5");
    keys.put("max_position_embeddings", "16");
    return config(keys, more);
  }

  static Map<String, String> optTensors(String prefix) {
    var tensors = new LinkedHashMap<String, String>();
    tensors.put(prefix + "embed_tokens.weight", "F16 5 8");
    tensors.put(prefix + "embed_positions.weight", "F16 18 8");
    tensors.put(prefix + "final_layer_norm.weight", "F16 8");
    tensors.put(prefix + "final_layer_norm.bias", "F16 8");
    String layer = prefix + "layers.0.";
    for (var part : new String[] {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      tensors.put(layer + "self_attn." + part + ".weight", "F16 8 8");
      tensors.put(layer + "self_attn." + part + ".bias", "F16 8");
    }
    for (var part : new String[] {"self_attn_layer_norm", "final_layer_norm"}) {
      tensors.put(layer + part + ".weight", "F16 8");
      tensors.put(layer + part + ".bias", "F16 8");
    }
    tensors.put(layer + "fc1.weight", "F16 12 8");
    tensors.put(layer + "fc1.bias", "F16 12");
    tensors.put(layer + "fc2.weight", "F16 8 12");
    tensors.put(layer + "fc2.bias", "F16 8");
    return tensors;
  }

  /** A JSON object of those keys; {@code more} adds, replaces or (without a value) drops keys. */
  static String config(Map<String, String> keys, String... more) {
    var all = new LinkedHashMap<>(keys);
    for (var entry : more) {
      int colon = entry.indexOf(':');
      if (colon < 0) {
        all.remove(entry);
      } else {
        all.put(entry.substring(0, colon), entry.substring(colon + 1));
      }
    }
    var text = new StringBuilder("{");
    all.forEach(
        (key, value) ->
            text.append(text.length() > 1 ? ", " : "")
                .append('"')
                .append(key)
                .append("\": ")
                .append(value));
    return text.append('}').toString();
  }

  static Path write(Path folder, String config, Map<String, String> tensors) throws IOException {
    Files.writeString(folder.resolve("config.json"), config);
    Files.write(folder.resolve("model.safetensors"), safetensors(tensors));
    return folder;
  }

  /** A file of zeros; each tensor given as {@code dtype size size …}. */
  static byte[] safetensors(Map<String, String> tensors) {
    var header = new StringBuilder("{\"__metadata__\": {\"format\": \"pt\"}");
    long end = 0;
    for (var entry : tensors.entrySet()) {
      String[] words = entry.getValue().split(" ");
      long bytes = words[0].endsWith("16") ? 2 : words[0].endsWith("64") ? 8 : 4;
      var shape = new StringBuilder();
      for (int i = 1; i < words.length; i++) {
        bytes *= Long.parseLong(words[i]);
        shape.append(i > 1 ? "," : "").append(words[i]);
      }
      header.append(
          ", \"%s\": {\"dtype\": \"%s\", \"shape\": [%s], \"data_offsets\": [%d, %d]}"
              .formatted(entry.getKey(), words[0], shape, end, end + bytes));
      end += bytes;
    }
    return safetensors(header.append('}').toString(), Math.toIntExact(end));
  }

  static byte[] safetensors(String header, int dataBytes) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + text.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.length)
        .put(text)
        .array();
  }
}
