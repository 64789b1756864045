package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A Hugging Face folder: configuration and tensor headers, checked against each other. Every tensor
 * of the shape is there with its size, and no layer has one that the shape does not account for.
 */
public final class ModelFolder implements ModelHeaders {
  private static final long LONGEST_CONFIG = 1 << 20;

  private final Path path;
  private final ModelShape shape;
  private final TensorIndex index;
  private final TensorNames names;
  private final List<Integer> endTokens;
  private final OptionalInt beginToken;
  private final String fingerprint;

  private ModelFolder(
      Path path,
      ModelShape shape,
      TensorIndex index,
      TensorNames names,
      List<Integer> endTokens,
      OptionalInt beginToken,
      String fingerprint) {
    this.path = path;
    this.shape = shape;
    this.index = index;
    this.names = names;
    this.endTokens = List.copyOf(endTokens);
    this.beginToken = beginToken;
    this.fingerprint = fingerprint;
  }

  /** Reads and checks a folder's {@code config.json} and weight headers. */
  public static ModelFolder open(Path folder) throws ModelFormatException {
    if (!Files.isDirectory(folder)) {
      throw new ModelFormatException("%s: no such folder".formatted(folder));
    }
    var file = folder.resolve("config.json");
    byte[] bytes = JsonFile.bytes(file, LONGEST_CONFIG);
    var config = Config.of(file, JsonFile.parse(file, bytes));
    var family = ShapeReader.family(config);
    var index = TensorIndex.open(folder);
    var names = TensorNames.of(family, index);
    var reader = new ShapeReader(config, family, index, names);
    var shape = reader.read(index.find(names.of(Weight.TOKENS, 0)).orElseThrow().elementType());
    new Check(folder, shape, index, names).run();

    var begin = config.tokens("bos_token_id");
    var end = config.tokens("eos_token_id");
    var generation = folder.resolve("generation_config.json");
    if (Files.exists(generation)) {
      var settings = Config.of(generation, JsonFile.read(generation, LONGEST_CONFIG));
      begin = settings.has("bos_token_id") ? settings.tokens("bos_token_id") : begin;
      end = settings.has("eos_token_id") ? settings.tokens("eos_token_id") : end;
    }
    return new ModelFolder(
        folder,
        shape,
        index,
        names,
        end,
        begin.isEmpty() ? OptionalInt.empty() : OptionalInt.of(begin.getFirst()),
        fingerprint(bytes, index));
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public ModelShape shape() {
    return shape;
  }

  @Override
  public TensorIndex index() {
    return index;
  }

  /** Ids that end a text: those of {@code generation_config.json}, else of {@code config.json}. */
  @Override
  public List<Integer> endTokens() {
    return endTokens;
  }

  /** The id a text begins with, where the configuration names one. */
  @Override
  public OptionalInt beginToken() {
    return beginToken;
  }

  /**
   * SHA-256, in hex, over {@code config.json} and the header of each weight file in the order of
   * their names: says whether this is the model that a plan was made for.
   */
  @Override
  public String fingerprint() {
    return fingerprint;
  }

  /**
   * Where a matrix lies.
   *
   * @param layer ignored for a matrix that belongs to no layer
   */
  @Override
  public Tensor tensor(Weight weight, int layer) {
    if (shape.rows(weight) == 0) {
      throw new IllegalArgumentException("this model has no " + weight.word());
    }
    return index.find(names.of(weight, layer)).orElseThrow();
  }

  /**
   * Where a vector lies.
   *
   * @param layer ignored for a vector that belongs to no layer
   */
  @Override
  public Tensor tensor(ModelVector vector, int layer) {
    if (vector.length(shape) == 0) {
      throw new IllegalArgumentException("this model has no " + vector);
    }
    return index.find(names.of(vector, layer)).orElseThrow();
  }

  @Override
  public ModelSource source(String path) {
    return new ModelSource.HuggingFace(path, fingerprint);
  }

  private static String fingerprint(byte[] config, TensorIndex index) {
    return Fingerprint.of(
        Stream.concat(Stream.of(config), index.headers().stream().map(WeightFile::raw)).toList());
  }

  /** Holds a folder's tensors against its shape. */
  private record Check(Path folder, ModelShape shape, TensorIndex index, TensorNames names) {
    void run() throws ModelFormatException {
      var expected = new HashSet<String>();
      for (var weight : Weight.values()) {
        if (shape.rows(weight) > 0) {
          for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
            var size = List.of((long) shape.rows(weight), (long) shape.columns(weight));
            matrix(require(names.of(weight, layer), size, expected));
          }
        }
      }
      for (var vector : ModelVector.values()) {
        if (vector.length(shape) > 0) {
          for (int layer = 0; layer < (vector.perLayer() ? shape.layers() : 1); layer++) {
            require(names.of(vector, layer), List.of((long) vector.length(shape)), expected)
                .elementType();
          }
        }
      }
      refuseUnexplained(expected);
    }

    private Tensor require(String name, List<Long> size, Set<String> expected)
        throws ModelFormatException {
      expected.add(name);
      var tensor =
          index
              .find(name)
              .orElseThrow(
                  () ->
                      new ModelFormatException("%s: tensor %s is missing".formatted(folder, name)));
      if (!tensor.shape().equals(size)) {
        throw new ModelFormatException(
            "%s: tensor %s is %s; config.json asks for %s"
                .formatted(tensor.file(), name, tensor.shape(), size));
      }
      return tensor;
    }

    private void matrix(Tensor tensor) throws ModelFormatException {
      ElementType type = tensor.elementType();
      if (type != shape.weightType()) {
        throw new ModelFormatException(
            "%s: tensor %s is stored as %s, but %s as %s; all matrices must be of one type"
                .formatted(
                    tensor.file(),
                    tensor.name(),
                    type,
                    names.of(Weight.TOKENS, 0),
                    shape.weightType()));
      }
    }

    /** A tensor of a layer, or a norm, that is left out would change the output unnoticed. */
    private void refuseUnexplained(Set<String> expected) throws ModelFormatException {
      for (var tensor : index.tensors().values()) {
        String name = tensor.name();
        if (!expected.contains(name)
            && !name.contains(".rotary_emb.")
            && (ofSomeLayer(name) || ofTheStack(name))) {
          throw new ModelFormatException(
              "%s: tensor %s has no place in %s model as config.json describes it"
                  .formatted(
                      tensor.file(),
                      name,
                      shape.family().isOpt() ? "an opt" : "a " + shape.family().word()));
        }
      }
    }

    private boolean ofSomeLayer(String name) {
      String start = names.prefix() + "layers.";
      int end = name.indexOf('.', start.length());
      if (!name.startsWith(start) || end < 0) {
        return false;
      }
      try {
        return Integer.parseInt(name, start.length(), end, 10) < shape.layers();
      } catch (NumberFormatException e) {
        return false;
      }
    }

    private boolean ofTheStack(String name) {
      return name.equals("lm_head.bias")
          || name.startsWith(names.prefix())
              && name.substring(names.prefix().length())
                  .matches(
                      "(norm|final_layer_norm|project_in|project_out|layernorm_embedding)\\..*");
    }
  }
}
