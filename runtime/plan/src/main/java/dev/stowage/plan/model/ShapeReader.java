package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Weight;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Turns a {@code config.json} into a shape, with the defaults of each family's configuration class
 * in transformers. What a configuration asks for and Stowage does not compute is an error.
 */
final class ShapeReader {
  private final Config config;
  private final Family family;
  private final TensorIndex index;
  private final TensorNames names;

  ShapeReader(Config config, Family family, TensorIndex index, TensorNames names) {
    this.config = config;
    this.family = family;
    this.index = index;
    this.names = names;
  }

  static Family family(Config config) throws ModelFormatException {
    String type = config.text("model_type", "");
    for (var family : Family.values()) {
      if (family.word().equals(type)) {
        return family;
      }
    }
    throw new ModelFormatException(
        "%s: model_type '%s' is none of %s"
            .formatted(
                config.file(),
                type,
                Arrays.stream(Family.values())
                    .map(Family::word)
                    .collect(Collectors.joining(", "))));
  }

  ModelShape read(ElementType weightType) throws ModelFormatException {
    if (config.has("quantization_config")) {
      throw config.wrong("quantization_config", "is set: quantized weights are not read");
    }
    try {
      return family.isOpt() ? opt(weightType) : llamaLike(weightType);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException("%s: %s".formatted(config.file(), e.getMessage()), e);
    }
  }

  private ModelShape opt(ElementType weightType) throws ModelFormatException {
    if (!config.flag("do_layer_norm_before", true)) {
      throw config.wrong(
          "do_layer_norm_before", "asks for norms behind each block, which is not supported");
    }
    if (!config.flag("layer_norm_elementwise_affine", true)) {
      throw config.wrong(
          "layer_norm_elementwise_affine", "asks for norms without weights: not supported");
    }
    if (config.flag("_remove_final_layer_norm", false)) {
      throw config.wrong("_remove_final_layer_norm", "drops the last norm: not supported");
    }
    requireActivation("activation_function", "relu", "relu");
    int hidden = config.integer("hidden_size");
    int heads = heads();
    if (hidden % heads != 0) {
      throw config.wrong("num_attention_heads", "does not divide hidden_size " + hidden);
    }
    boolean bias = config.flag("enable_bias", true);
    return new ModelShape(
        family,
        config.integer("num_hidden_layers"),
        hidden,
        config.integer("word_embed_proj_dim", hidden),
        config.integer("ffn_dim"),
        heads,
        heads,
        hidden / heads,
        config.integer("vocab_size"),
        config.integer("max_position_embeddings", 2048),
        1e-5,
        10_000,
        new RopeScaling.None(),
        bias,
        bias,
        bias,
        config.flag("tie_word_embeddings", true),
        Optional.empty(),
        weightType);
  }

  private ModelShape llamaLike(ElementType weightType) throws ModelFormatException {
    requireActivation("hidden_act", "silu", "silu", "swish");
    if (config.has("partial_rotary_factor") && config.number("partial_rotary_factor") != 1) {
      throw config.wrong("partial_rotary_factor", "rotates part of a head: not supported");
    }
    boolean attentionBias = config.flag("attention_bias", false);
    boolean qkvBias =
        switch (family) {
          case QWEN2 -> true;
          case LLAMA, QWEN3 -> attentionBias;
          case MISTRAL, OPT -> false;
        };
    boolean outputBias =
        switch (family) {
          case LLAMA, QWEN3 -> attentionBias;
          case QWEN2, MISTRAL, OPT -> false;
        };
    int hidden = config.integer("hidden_size");
    int heads = heads();
    int headDim = headDim(hidden, heads);
    return new ModelShape(
        family,
        config.integer("num_hidden_layers"),
        hidden,
        hidden,
        config.integer("intermediate_size"),
        heads,
        kvHeads(heads, headDim),
        headDim,
        config.integer("vocab_size"),
        config.integer("max_position_embeddings", defaultPositions()),
        config.number("rms_norm_eps", 1e-6),
        ropeTheta(),
        ropeScaling(),
        qkvBias,
        outputBias,
        family == Family.LLAMA && config.flag("mlp_bias", false),
        config.flag("tie_word_embeddings", false),
        slidingWindow(),
        weightType);
  }

  private void requireActivation(String key, String standard, String... supported)
      throws ModelFormatException {
    if (!Arrays.asList(supported).contains(config.text(key, standard))) {
      throw config.wrong(
          key, "is not supported; the %s family is run with %s".formatted(family.word(), standard));
    }
  }

  private int heads() throws ModelFormatException {
    int heads = config.integer("num_attention_heads");
    if (heads == 0) {
      throw config.wrong("num_attention_heads", "is none");
    }
    return heads;
  }

  /** As written; else, for Qwen3, the length of its q norm; else the hidden width's share. */
  private int headDim(int hidden, int heads) throws ModelFormatException {
    if (config.has("head_dim")) {
      return config.integer("head_dim");
    }
    var qNorm = index.find(names.of(ModelVector.Q_NORM, 0));
    if (family == Family.QWEN3 && qNorm.isPresent() && qNorm.get().shape().size() == 1) {
      return Math.toIntExact(Math.min(Integer.MAX_VALUE, qNorm.get().shape().getFirst()));
    }
    if (hidden % heads != 0) {
      throw config.wrong("num_attention_heads", "does not divide hidden_size " + hidden);
    }
    return hidden / heads;
  }

  /**
   * As written; where absent, as many as the key projection has rows for: the families' own
   * defaults (all heads, 8 or 32) fit few models that leave it out.
   */
  private int kvHeads(int heads, int headDim) throws ModelFormatException {
    if (config.has("num_key_value_heads")) {
      int kvHeads = config.integer("num_key_value_heads");
      if (kvHeads == 0) {
        throw config.wrong("num_key_value_heads", "is none");
      }
      return kvHeads;
    }
    var keys = index.find(names.of(Weight.K, 0));
    if (keys.isPresent() && !keys.get().shape().isEmpty() && headDim > 0) {
      long rows = keys.get().shape().getFirst();
      if (rows > 0 && rows % headDim == 0 && rows / headDim <= heads) {
        return (int) (rows / headDim);
      }
    }
    return heads;
  }

  private int defaultPositions() {
    return switch (family) {
      case MISTRAL -> 131_072;
      case QWEN2, QWEN3 -> 32_768;
      case LLAMA, OPT -> 2048;
    };
  }

  /** {@code rope_parameters} since transformers 5, {@code rope_scaling} before. */
  private Optional<Config> rope() throws ModelFormatException {
    var parameters = config.object("rope_parameters");
    return parameters.isPresent() ? parameters : config.object("rope_scaling");
  }

  private double ropeTheta() throws ModelFormatException {
    double outer = config.number("rope_theta", 10_000);
    var rope = rope();
    return rope.isPresent() ? rope.get().number("rope_theta", outer) : outer;
  }

  private RopeScaling ropeScaling() throws ModelFormatException {
    var found = rope();
    try {
      return found.isEmpty() ? new RopeScaling.None() : ropeScaling(found.get());
    } catch (IllegalArgumentException e) {
      throw config.wrong("rope_scaling", "cannot be: " + e.getMessage());
    }
  }

  private RopeScaling ropeScaling(Config rope) throws ModelFormatException {
    if (rope.has("partial_rotary_factor") && rope.number("partial_rotary_factor") != 1) {
      throw rope.wrong("partial_rotary_factor", "rotates part of a head: not supported");
    }
    String key = rope.has("rope_type") ? "rope_type" : "type";
    String type = rope.text(key, "default");
    return switch (type) {
      case "default", "none" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(rope.number("factor"));
      case "llama3" -> {
        double low = rope.number("low_freq_factor");
        double high = rope.number("high_freq_factor");
        int positions =
            rope.integer(
                "original_max_position_embeddings",
                config.integer("original_max_position_embeddings", 0));
        if (high <= low) {
          throw rope.wrong("high_freq_factor", "is not above low_freq_factor " + low);
        }
        if (positions == 0) {
          throw rope.wrong("original_max_position_embeddings", "is missing");
        }
        yield new RopeScaling.Llama3(rope.number("factor"), low, high, positions);
      }
      default ->
          throw rope.wrong(
              key, "is not supported; rotary scaling may be default, linear or llama3");
    };
  }

  /** Mistral's holds unless null; Qwen's only where {@code use_sliding_window} is true. */
  private Optional<Integer> slidingWindow() throws ModelFormatException {
    return switch (family) {
      case OPT, LLAMA -> Optional.empty();
      case MISTRAL -> {
        requireOneKindOfLayer();
        yield config.mentions("sliding_window")
            ? config.optionalInteger("sliding_window").filter(window -> window > 0)
            : Optional.of(4096);
      }
      case QWEN2, QWEN3 -> qwenWindow();
    };
  }

  private Optional<Integer> qwenWindow() throws ModelFormatException {
    requireOneKindOfLayer();
    boolean sliding = config.texts("layer_types").contains("sliding_attention");
    if (!config.flag("use_sliding_window", false)) {
      if (sliding) {
        throw config.wrong("layer_types", "slides, but use_sliding_window is not true");
      }
      return Optional.empty();
    }
    int layers = config.integer("num_hidden_layers");
    boolean all;
    if (config.has("layer_types")) {
      all = sliding;
    } else {
      int full = config.integer("max_window_layers", 28);
      if (full > 0 && full < layers) {
        throw config.wrong(
            "max_window_layers", "lets only some layers slide their window: not supported");
      }
      all = full == 0;
    }
    return all
        ? Optional.of(config.integer("sliding_window", 4096)).filter(window -> window > 0)
        : Optional.empty();
  }

  private void requireOneKindOfLayer() throws ModelFormatException {
    var kinds = new HashSet<>(config.texts("layer_types"));
    for (var kind : kinds) {
      if (!kind.equals("full_attention") && !kind.equals("sliding_attention")) {
        throw config.wrong("layer_types", "names an unknown kind '" + kind + "'");
      }
    }
    if (kinds.size() > 1) {
      throw config.wrong("layer_types", "mixes full and sliding attention: not supported");
    }
  }
}
