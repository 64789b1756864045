package dev.stowage.bundle;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.RandomWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;

/** An OPT of random F16 weights, for timing. Public ones have 50272 words and 2048 positions. */
record OptModel(String name, int layers, int hidden, int heads, int vocabulary, int positions) {
  private static final int POSITION_OFFSET = 2; // OPT's table of positions has two rows more

  static final OptModel B1_3 = published("opt-1.3b", 24, 2048, 32);
  static final OptModel B6_7 = published("opt-6.7b", 32, 4096, 32);
  static final OptModel B13 = published("opt-13b", 40, 5120, 40);

  /** What an emulated device can be given. */
  static final OptModel TINY = new OptModel("opt-tiny", 12, 64, 4, 256, 64);

  private static OptModel published(String name, int layers, int hidden, int heads) {
    return new OptModel(name, layers, hidden, heads, 50_272, 2048);
  }

  /** Bytes of the weights. */
  long bytes() {
    return weights().bytes();
  }

  /** Bytes of a layer, or of the table of words if that is more: what is streamed at once. */
  long largestPartBytes() {
    return Short.BYTES * Math.max(12L * hidden * hidden + 13L * hidden, (long) vocabulary * hidden);
  }

  /** Bytes that one token of one sequence takes in the KV cache, as F16. */
  long kvBytes() {
    return 2L * layers * hidden * Short.BYTES;
  }

  /** Writes it to a folder of its own. */
  void write(Path folder) throws IOException {
    weights().write(folder, config());
  }

  String config() {
    return """
            {"model_type": "opt", "activation_function": "relu", "do_layer_norm_before": true, "enable_bias": true,
             "layer_norm_elementwise_affine": true, "hidden_size": %d, "word_embed_proj_dim": %d, "ffn_dim": %d,
             "num_hidden_layers": %d, "num_attention_heads": %d, "max_position_embeddings": %d, "vocab_size": %d,
             "tie_word_embeddings": true, "torch_dtype": "float16"}
            """
        .formatted(hidden, hidden, 4 * hidden, layers, heads, positions, vocabulary);
  }

  RandomWeights weights() {
    var tensors = new ArrayList<RandomWeights.Named>();
    String decoder = "model.decoder.";
    tensors.add(new RandomWeights.Named(decoder + "embed_tokens.weight", vocabulary, hidden));
    tensors.add(
        new RandomWeights.Named(
            decoder + "embed_positions.weight", positions + POSITION_OFFSET, hidden));
    for (int layer = 0; layer < layers; layer++) {
      String at = decoder + "layers." + layer + ".";
      for (var part : new String[] {"q_proj", "k_proj", "v_proj", "out_proj"}) {
        matrix(tensors, at + "self_attn." + part, hidden, hidden);
      }
      matrix(tensors, at + "fc1", 4 * hidden, hidden);
      matrix(tensors, at + "fc2", hidden, 4 * hidden);
      norm(tensors, at + "self_attn_layer_norm");
      norm(tensors, at + "final_layer_norm");
    }
    norm(tensors, decoder + "final_layer_norm");
    return new RandomWeights(ElementType.F16, tensors);
  }

  private static void matrix(
      ArrayList<RandomWeights.Named> tensors, String name, int rows, int width) {
    tensors.add(new RandomWeights.Named(name + ".weight", rows, width));
    tensors.add(new RandomWeights.Named(name + ".bias", rows));
  }

  private void norm(ArrayList<RandomWeights.Named> tensors, String name) {
    tensors.add(new RandomWeights.Named(name + ".weight", hidden));
    tensors.add(new RandomWeights.Named(name + ".bias", hidden));
  }
}
