package dev.stowage.calibrate;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.RandomWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;

/**
 * A Llama of random weights: all that timing a shape needs.
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
  /** Bytes of the weights. */
  public long bytes() {
    return weights().bytes();
  }

  /** Writes {@code config.json} and {@code model.safetensors} to a folder of its own. */
  public void write(Path folder) throws IOException {
    weights().write(folder, config());
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
            weights().configType());
  }

  private RandomWeights weights() {
    var tensors = new ArrayList<RandomWeights.Named>();
    int kvWidth = hidden / heads * kvHeads;
    tensors.add(new RandomWeights.Named("model.embed_tokens.weight", vocabulary, hidden));
    for (int layer = 0; layer < layers; layer++) {
      String at = "model.layers." + layer + ".";
      tensors.add(new RandomWeights.Named(at + "input_layernorm.weight", hidden));
      tensors.add(new RandomWeights.Named(at + "self_attn.q_proj.weight", hidden, hidden));
      tensors.add(new RandomWeights.Named(at + "self_attn.k_proj.weight", kvWidth, hidden));
      tensors.add(new RandomWeights.Named(at + "self_attn.v_proj.weight", kvWidth, hidden));
      tensors.add(new RandomWeights.Named(at + "self_attn.o_proj.weight", hidden, hidden));
      tensors.add(new RandomWeights.Named(at + "post_attention_layernorm.weight", hidden));
      tensors.add(new RandomWeights.Named(at + "mlp.gate_proj.weight", intermediate, hidden));
      tensors.add(new RandomWeights.Named(at + "mlp.up_proj.weight", intermediate, hidden));
      tensors.add(new RandomWeights.Named(at + "mlp.down_proj.weight", hidden, intermediate));
    }
    tensors.add(new RandomWeights.Named("model.norm.weight", hidden));
    tensors.add(new RandomWeights.Named("lm_head.weight", vocabulary, hidden));
    return new RandomWeights(type, tensors);
  }
}
