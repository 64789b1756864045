package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.RopePairs;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.StoredTypes;
import dev.stowage.plan.Weight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A GGUF file of the architectures {@code llama} (Mistral's models, too), {@code qwen2} and {@code
 * qwen3}: its header, checked. Every tensor of the shape is there with its size, and there is none
 * that the shape does not account for.
 *
 * <p>Converters permute the rows of q and k of the {@code llama} architecture so that rotary pairs
 * are neighbours. They are left as they lie: the shape's {@link RopePairs} say so, and attention
 * scores are sums over the same products in another order. Rows so stay where a file has them, and
 * can be cut and streamed like all others.
 */
public final class GgufModel implements ModelHeaders {
  private static final int QUANTIZATION_VERSION = 2;

  /** Keys of an architecture that change what is computed in ways not computed here. */
  private static final List<String> NOT_COMPUTED =
      List.of(
          "expert_count",
          "expert_used_count",
          "logit_scale",
          "residual_scale",
          "embedding_scale",
          "attention.scale",
          "attention.clamp_kqv",
          "attention.max_alibi_bias",
          "attention.sliding_window_pattern",
          "attention.temperature_length",
          "attn_logit_softcapping",
          "final_logit_softcapping",
          "rope.scaling.attn_factor",
          "nextn_predict_layers",
          "pooling_type");

  private final GgufHeader header;
  private final ModelShape shape;
  private final TensorIndex index;
  private final List<Integer> endTokens;
  private final OptionalInt beginToken;
  private final String fingerprint;

  private GgufModel(
      GgufHeader header,
      ModelShape shape,
      TensorIndex index,
      List<Integer> endTokens,
      OptionalInt beginToken,
      String fingerprint) {
    this.header = header;
    this.shape = shape;
    this.index = index;
    this.endTokens = List.copyOf(endTokens);
    this.beginToken = beginToken;
    this.fingerprint = fingerprint;
  }

  /** Reads and checks a file's header. */
  public static GgufModel open(Path file) throws ModelFormatException {
    var header = GgufHeader.read(file);
    var index = TensorIndex.of(header);
    var shape = new Reader(header.metadata(), index).read();
    var metadata = header.metadata();
    var ends = new ArrayList<Integer>();
    for (var key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      token(metadata, key, shape).filter(id -> !ends.contains(id)).ifPresent(ends::add);
    }
    var begin = token(metadata, "bos_token_id", shape);
    return new GgufModel(
        header,
        shape,
        index,
        ends,
        begin.isPresent() ? OptionalInt.of(begin.get()) : OptionalInt.empty(),
        Fingerprint.of(List.of(header.raw())));
  }

  /** Only the keys and values of a file, whatever model it holds. */
  public static GgufMetadata metadata(Path file) throws ModelFormatException {
    return GgufHeader.read(file).metadata();
  }

  /** Whether a file says of itself that it is a GGUF file. */
  public static boolean isGguf(Path file) {
    return GgufHeader.isGguf(file);
  }

  private static Optional<Integer> token(GgufMetadata metadata, String name, ModelShape shape)
      throws ModelFormatException {
    String key = "tokenizer.ggml." + name;
    var id = metadata.natural(key);
    if (id.isPresent() && id.get() >= shape.vocabulary()) {
      throw metadata.wrong(key, "is outside the vocabulary of " + shape.vocabulary());
    }
    return id;
  }

  @Override
  public Path path() {
    return header.file();
  }

  @Override
  public ModelShape shape() {
    return shape;
  }

  @Override
  public TensorIndex index() {
    return index;
  }

  /** The file's keys and values: tokenizer, chat template, licence and the like. */
  public GgufMetadata metadata() {
    return header.metadata();
  }

  /** The Jinja template that makes a prompt of a conversation, where the file has one. */
  public Optional<String> chatTemplate() throws ModelFormatException {
    return header.metadata().text("tokenizer.chat_template");
  }

  @Override
  public List<Integer> endTokens() {
    return endTokens;
  }

  @Override
  public OptionalInt beginToken() {
    return beginToken;
  }

  /** Over the header: keys, values and the tensors' names, types and places. */
  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public Tensor tensor(Weight weight, int layer) {
    if (shape.rows(weight) == 0) {
      throw new IllegalArgumentException("this model has no " + weight.word());
    }
    return index.find(name(weight, layer)).orElseThrow();
  }

  @Override
  public Tensor tensor(ModelVector vector, int layer) {
    if (vector.length(shape) == 0) {
      throw new IllegalArgumentException("this model has no " + vector);
    }
    return index.find(name(vector, layer)).orElseThrow();
  }

  @Override
  public ModelSource source(String path) {
    return new ModelSource.Gguf(path, fingerprint);
  }

  // -- names

  private static String name(Weight weight, int layer) {
    return switch (weight) {
      case TOKENS -> "token_embd.weight";
      case HEAD -> "output.weight";
      case Q, K, V, O, GATE, UP, DOWN -> "blk." + layer + "." + module(weight) + ".weight";
      case POSITIONS, PROJECT_IN, PROJECT_OUT -> throw none(weight.word());
    };
  }

  private static String name(ModelVector vector, int layer) {
    String layerPrefix = "blk." + layer + ".";
    return switch (vector) {
      case ATTENTION_NORM -> layerPrefix + "attn_norm.weight";
      case MLP_NORM -> layerPrefix + "ffn_norm.weight";
      case Q_NORM -> layerPrefix + "attn_q_norm.weight";
      case K_NORM -> layerPrefix + "attn_k_norm.weight";
      case Q_BIAS -> layerPrefix + module(Weight.Q) + ".bias";
      case K_BIAS -> layerPrefix + module(Weight.K) + ".bias";
      case V_BIAS -> layerPrefix + module(Weight.V) + ".bias";
      case O_BIAS -> layerPrefix + module(Weight.O) + ".bias";
      case GATE_BIAS -> layerPrefix + module(Weight.GATE) + ".bias";
      case UP_BIAS -> layerPrefix + module(Weight.UP) + ".bias";
      case DOWN_BIAS -> layerPrefix + module(Weight.DOWN) + ".bias";
      case FINAL_NORM -> "output_norm.weight";
      case ROPE_FACTORS -> "rope_freqs.weight";
      case ATTENTION_NORM_BIAS, MLP_NORM_BIAS, FINAL_NORM_BIAS -> throw none(vector.name());
    };
  }

  private static String module(Weight weight) {
    return switch (weight) {
      case Q -> "attn_q";
      case K -> "attn_k";
      case V -> "attn_v";
      case O -> "attn_output";
      case GATE -> "ffn_gate";
      case UP -> "ffn_up";
      case DOWN -> "ffn_down";
      case TOKENS, POSITIONS, PROJECT_IN, PROJECT_OUT, HEAD -> throw none(weight.word());
    };
  }

  private static IllegalArgumentException none(String what) {
    return new IllegalArgumentException("GGUF files of these architectures have no " + what);
  }

  /** From keys and tensors to a shape. */
  private static final class Reader {
    private final GgufMetadata metadata;
    private final TensorIndex index;
    private String architecture = "";

    Reader(GgufMetadata metadata, TensorIndex index) {
      this.metadata = metadata;
      this.index = index;
    }

    ModelShape read() throws ModelFormatException {
      if (metadata.natural("split.count").orElse(0) > 1) {
        throw metadata.wrong(
            "split.count", "says that the model lies in several files: merge them into one first");
      }
      architecture =
          metadata
              .text("general.architecture")
              .orElseThrow(() -> metadata.missing("general.architecture"));
      var family =
          switch (architecture) {
            case "llama" -> Family.LLAMA;
            case "qwen2" -> Family.QWEN2;
            case "qwen3" -> Family.QWEN3;
            default ->
                throw metadata.wrong("general.architecture", "is none of llama, qwen2, qwen3");
          };
      refuseOtherModels();
      var plain = shape(family, StoredTypes.all(ElementType.F32));
      var stored = check(plain);
      return shape(family, stored);
    }

    private void refuseOtherModels() throws ModelFormatException {
      for (var name : NOT_COMPUTED) {
        String key = key(name);
        if (metadata.has(key)
            && (metadata.length(key).isPresent() || metadata.number(key).orElse(0.0) != 0)) {
          throw metadata.wrong(key, "asks for what is not computed here");
        }
      }
      if (!metadata.flag(key("attention.causal")).orElse(true)) {
        throw metadata.wrong(key("attention.causal"), "asks for what is not computed here");
      }
    }

    private ModelShape shape(Family family, StoredTypes stored) throws ModelFormatException {
      int hidden = positive("embedding_length");
      int heads = positive("attention.head_count");
      int headDim = headDim(hidden, heads);
      var embedding = index.find(name(Weight.TOKENS, 0));
      if (embedding.isEmpty() || embedding.get().shape().size() != 2) {
        throw new ModelFormatException(
            "%s: no tensor token_embd.weight with rows and columns".formatted(metadata.file()));
      }
      long vocabulary = embedding.get().shape().getFirst();
      try {
        return new ModelShape(
            family,
            positive("block_count"),
            hidden,
            hidden,
            positive("feed_forward_length"),
            heads,
            metadata.natural(key("attention.head_count_kv")).orElse(heads),
            headDim,
            Math.toIntExact(vocabulary),
            positive("context_length"),
            positiveNumber("attention.layer_norm_rms_epsilon"),
            metadata.has(key("rope.freq_base")) ? positiveNumber("rope.freq_base") : 10_000,
            ropeScaling(),
            family == Family.LLAMA ? RopePairs.INTERLEAVED : RopePairs.HALVES,
            present(ModelVector.Q_BIAS),
            present(ModelVector.O_BIAS),
            present(ModelVector.DOWN_BIAS),
            index.find(name(Weight.HEAD, 0)).isEmpty(),
            metadata.natural(key("attention.sliding_window")).filter(window -> window > 0),
            stored);
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw new ModelFormatException("%s: %s".formatted(metadata.file(), e.getMessage()), e);
      }
    }

    private int headDim(int hidden, int heads) throws ModelFormatException {
      int headDim = metadata.natural(key("attention.key_length")).orElse(hidden / heads);
      if (metadata.natural(key("attention.value_length")).orElse(headDim) != headDim) {
        throw metadata.wrong(key("attention.value_length"), "is not the width of keys, " + headDim);
      }
      if (metadata.natural(key("rope.dimension_count")).orElse(headDim) != headDim) {
        throw metadata.wrong(
            key("rope.dimension_count"),
            "rotates part of a head of %d: not supported".formatted(headDim));
      }
      return headDim;
    }

    private RopeScaling ropeScaling() throws ModelFormatException {
      boolean factors = present(ModelVector.ROPE_FACTORS);
      String key = key("rope.scaling.type");
      String type =
          metadata.text(key).orElse(metadata.has(key("rope.scale_linear")) ? "linear" : "none");
      return switch (type) {
        case "none" -> factors ? new RopeScaling.Factors() : new RopeScaling.None();
        case "linear" -> {
          if (factors) {
            throw metadata.wrong(key, "is there beside the tensor rope_freqs.weight");
          }
          double factor =
              positiveNumber(
                  metadata.has(key("rope.scaling.factor"))
                      ? "rope.scaling.factor"
                      : "rope.scale_linear");
          yield factor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(factor);
        }
        default ->
            throw metadata.wrong(key, "is not supported; rotary scaling may be none or linear");
      };
    }

    /** Whether layer 0, or the model, has a vector. */
    private boolean present(ModelVector vector) {
      return index.find(name(vector, 0)).isPresent();
    }

    /** Holds the tensors against the shape; how they are stored. */
    private StoredTypes check(ModelShape shape) throws ModelFormatException {
      var expected = new HashSet<String>();
      var types = new EnumMap<Weight, List<ElementType>>(Weight.class);
      var numbers = new EnumMap<Weight, Long>(Weight.class);
      for (var weight : Weight.values()) {
        if (shape.rows(weight) > 0) {
          var size = List.of((long) shape.rows(weight), (long) shape.columns(weight));
          numbers.put(weight, size.get(0) * size.get(1));
          var byLayer = new ArrayList<ElementType>();
          for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
            byLayer.add(matrixType(require(name(weight, layer), size, expected)));
          }
          types.put(weight, byLayer);
        }
      }
      for (var vector : ModelVector.values()) {
        if (vector.length(shape) > 0) {
          for (int layer = 0; layer < (vector.perLayer() ? shape.layers() : 1); layer++) {
            require(name(vector, layer), List.of((long) vector.length(shape)), expected)
                .elementType();
          }
        }
      }
      refuseUnexplained(expected);
      refuseOtherQuantization(types);
      return StoredTypes.of(types, numbers);
    }

    private Tensor require(String name, List<Long> size, Set<String> expected)
        throws ModelFormatException {
      expected.add(name);
      var tensor =
          index
              .find(name)
              .orElseThrow(
                  () ->
                      new ModelFormatException(
                          "%s: tensor %s is missing".formatted(metadata.file(), name)));
      if (!tensor.shape().equals(size)) {
        throw new ModelFormatException(
            "%s: tensor %s is %s; the file's keys ask for %s"
                .formatted(metadata.file(), name, tensor.shape(), size));
      }
      return tensor;
    }

    private ElementType matrixType(Tensor tensor) throws ModelFormatException {
      return GgufType.element(tensor.dtype())
          .orElseThrow(
              () ->
                  new ModelFormatException(
                      "%s: tensor %s is stored as %s; matrices are read as F32, F16, BF16, Q8_0, Q4_0, Q4_K or Q6_K"
                          .formatted(tensor.file(), tensor.name(), tensor.dtype())));
    }

    private void refuseUnexplained(Set<String> expected) throws ModelFormatException {
      for (var name : index.tensors().keySet()) {
        // converters of old kept frequencies that follow from the keys
        if (!expected.contains(name) && !name.endsWith(".attn_rot_embd.weight")) {
          throw new ModelFormatException(
              "%s: tensor %s has no place in a model of the architecture %s as the file's keys describe it"
                  .formatted(metadata.file(), name, architecture));
        }
      }
    }

    private void refuseOtherQuantization(Map<Weight, List<ElementType>> types)
        throws ModelFormatException {
      String key = "general.quantization_version";
      boolean quantized =
          types.values().stream().flatMap(List::stream).anyMatch(ElementType::quantized);
      if (quantized && metadata.natural(key).orElse(QUANTIZATION_VERSION) != QUANTIZATION_VERSION) {
        throw metadata.wrong(key, "is not " + QUANTIZATION_VERSION);
      }
    }

    private String key(String name) {
      return architecture + "." + name;
    }

    private int positive(String name) throws ModelFormatException {
      int value = metadata.natural(key(name)).orElseThrow(() -> metadata.missing(key(name)));
      if (value == 0) {
        throw metadata.wrong(key(name), "is not positive");
      }
      return value;
    }

    private double positiveNumber(String name) throws ModelFormatException {
      double value = metadata.number(key(name)).orElseThrow(() -> metadata.missing(key(name)));
      if (!(value > 0)) {
        throw metadata.wrong(key(name), "is not positive");
      }
      // keys are F32: the decimal number their author meant
      return Double.parseDouble(Float.toString((float) value));
    }
  }
}
