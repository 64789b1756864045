package dev.stowage.plan.model;

import dev.stowage.plan.Family;
import dev.stowage.plan.Weight;
import java.util.List;

/**
 * What Hugging Face calls each weight of a family.
 *
 * @param prefix what stands before every name but the head's; a model saved without its head lacks
 *     it
 */
record TensorNames(Family family, String prefix) {
  /** The prefix under which the token embedding is found. */
  static TensorNames of(Family family, TensorIndex index) throws ModelFormatException {
    var prefixes =
        family.isOpt() ? List.of("model.decoder.", "decoder.", "") : List.of("model.", "");
    for (var prefix : prefixes) {
      if (index.find(prefix + "embed_tokens.weight").isPresent()) {
        return new TensorNames(family, prefix);
      }
    }
    throw new ModelFormatException(
        "%s: no tensor %sembed_tokens.weight, so these are not the weights of %s model"
            .formatted(
                index.files().getFirst().getParent(),
                prefixes.getFirst(),
                family.isOpt() ? "an opt" : "a " + family.word()));
  }

  String of(Weight weight, int layer) {
    return switch (weight) {
      case TOKENS -> prefix + "embed_tokens.weight";
      case POSITIONS -> prefix + "embed_positions.weight";
      case PROJECT_IN -> prefix + "project_in.weight";
      case PROJECT_OUT -> prefix + "project_out.weight";
      case HEAD -> "lm_head.weight";
      case Q, K, V, O, GATE, UP, DOWN -> layer(layer) + module(weight) + ".weight";
    };
  }

  String of(ModelVector vector, int layer) {
    boolean opt = family.isOpt();
    return switch (vector) {
      case ATTENTION_NORM ->
          layer(layer) + (opt ? "self_attn_layer_norm.weight" : "input_layernorm.weight");
      case ATTENTION_NORM_BIAS -> layer(layer) + "self_attn_layer_norm.bias";
      case MLP_NORM ->
          layer(layer) + (opt ? "final_layer_norm.weight" : "post_attention_layernorm.weight");
      case MLP_NORM_BIAS -> layer(layer) + "final_layer_norm.bias";
      case Q_BIAS -> layer(layer) + module(Weight.Q) + ".bias";
      case K_BIAS -> layer(layer) + module(Weight.K) + ".bias";
      case V_BIAS -> layer(layer) + module(Weight.V) + ".bias";
      case O_BIAS -> layer(layer) + module(Weight.O) + ".bias";
      case GATE_BIAS -> layer(layer) + module(Weight.GATE) + ".bias";
      case UP_BIAS -> layer(layer) + module(Weight.UP) + ".bias";
      case DOWN_BIAS -> layer(layer) + module(Weight.DOWN) + ".bias";
      case Q_NORM -> layer(layer) + "self_attn.q_norm.weight";
      case K_NORM -> layer(layer) + "self_attn.k_norm.weight";
      case FINAL_NORM -> prefix + (opt ? "final_layer_norm.weight" : "norm.weight");
      case FINAL_NORM_BIAS -> prefix + "final_layer_norm.bias";
      case ROPE_FACTORS -> throw new IllegalArgumentException("only GGUF files have " + vector);
    };
  }

  /** What stands before the names of one layer's tensors. */
  String layer(int layer) {
    return prefix + "layers." + layer + ".";
  }

  private String module(Weight weight) {
    boolean opt = family.isOpt();
    return switch (weight) {
      case Q -> "self_attn.q_proj";
      case K -> "self_attn.k_proj";
      case V -> "self_attn.v_proj";
      case O -> opt ? "self_attn.out_proj" : "self_attn.o_proj";
      case GATE -> "mlp.gate_proj";
      case UP -> opt ? "fc1" : "mlp.up_proj";
      case DOWN -> opt ? "fc2" : "mlp.down_proj";
      case TOKENS, POSITIONS, PROJECT_IN, PROJECT_OUT, HEAD ->
          throw new IllegalArgumentException(weight.word() + " is in no layer");
    };
  }
}
