package dev.stowage.calibrate;

import dev.stowage.plan.ElementType;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * A Llama of random weights: all that timing a shape needs. Its numbers repeat every million, which
 * no kernel can tell.
 *
 * @param type of the weights: F32, F16 or BF16
 */
public record RandomModel(
    int layers,
    int hidden,
    int heads,
    int kvHeads,
    int intermediate,
    int vocabulary,
    int positions,
    ElementType type) {
  private static final int PERIOD = 1 << 20;
  private static final long SEED = 1;

  private record Tensor(String name, int... shape) {
    long numbers() {
      long product = 1;
      for (int extent : shape) {
        product *= extent;
      }
      return product;
    }
  }

  /** Bytes of the weights. */
  public long bytes() {
    return tensors().stream().mapToLong(Tensor::numbers).sum() * type.bytes();
  }

  /** Writes {@code config.json} and {@code model.safetensors} to a folder of its own. */
  public void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config());
    try (var out =
        new BufferedOutputStream(
            Files.newOutputStream(folder.resolve("model.safetensors")), 1 << 20)) {
      weights(out);
    }
  }

  private String config() {
    return """
    {"model_type": "llama", "hidden_act": "silu", "hidden_size": %d, "intermediate_size": %d,
     "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d,
     "max_position_embeddings": %d, "vocab_size": %d, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
     "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": false, "torch_dtype": "%s"}
    """
        .formatted(
            hidden,
            intermediate,
            layers,
            heads,
            kvHeads,
            hidden / heads,
            positions,
            vocabulary,
            switch (type) {
              case F32 -> "float32";
              case F16 -> "float16";
              case BF16 -> "bfloat16";
              case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
            });
  }

  private List<Tensor> tensors() {
    var tensors = new ArrayList<Tensor>();
    int kvWidth = hidden / heads * kvHeads;
    tensors.add(new Tensor("model.embed_tokens.weight", vocabulary, hidden));
    for (int layer = 0; layer < layers; layer++) {
      String at = "model.layers." + layer + ".";
      tensors.add(new Tensor(at + "input_layernorm.weight", hidden));
      tensors.add(new Tensor(at + "self_attn.q_proj.weight", hidden, hidden));
      tensors.add(new Tensor(at + "self_attn.k_proj.weight", kvWidth, hidden));
      tensors.add(new Tensor(at + "self_attn.v_proj.weight", kvWidth, hidden));
      tensors.add(new Tensor(at + "self_attn.o_proj.weight", hidden, hidden));
      tensors.add(new Tensor(at + "post_attention_layernorm.weight", hidden));
      tensors.add(new Tensor(at + "mlp.gate_proj.weight", intermediate, hidden));
      tensors.add(new Tensor(at + "mlp.up_proj.weight", intermediate, hidden));
      tensors.add(new Tensor(at + "mlp.down_proj.weight", hidden, intermediate));
    }
    tensors.add(new Tensor("model.norm.weight", hidden));
    tensors.add(new Tensor("lm_head.weight", vocabulary, hidden));
    return tensors;
  }

  private void weights(OutputStream out) throws IOException {
    int size = type.bytes();
    var entries = new ArrayList<String>();
    long end = 0;
    for (var tensor : tensors()) {
      long begin = end;
      end += tensor.numbers() * size;
      var shape =
          java.util.Arrays.stream(tensor.shape())
              .mapToObj(Integer::toString)
              .collect(Collectors.joining(","));
      entries.add(
          "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
              .formatted(tensor.name(), type.name(), shape, begin, end));
    }
    var json = "{" + String.join(",", entries) + "}";
    var header = (json + " ".repeat((8 - json.length() % 8) % 8)).getBytes(StandardCharsets.UTF_8);
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
    out.write(header);
    var numbers = numbers();
    for (long left = end; left > 0; left -= numbers.length) {
      out.write(numbers, 0, (int) Math.min(left, numbers.length));
    }
  }

  /** Small numbers around 0, as weights have: sums neither overflow nor vanish. */
  private byte[] numbers() {
    var random = new SplittableRandom(SEED);
    var bytes = ByteBuffer.allocate(PERIOD * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      float value = (float) (random.nextDouble() - 0.5) / 8;
      if (type == ElementType.F32) {
        bytes.putFloat(value);
      } else if (type == ElementType.F16) {
        bytes.putShort(Float.floatToFloat16(value));
      } else {
        bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    return bytes.array();
  }
}
