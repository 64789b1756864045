package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Weight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Copies of Hugging Face folders as GGUF files, as llama.cpp's converter lays them out. */
public final class GgufCopy {
  /** How a copy stores a matrix. */
  @FunctionalInterface
  public interface Types {
    ElementType of(Weight weight, int layer);
  }

  private final ModelFolder model;
  private final ModelShape shape;
  private final Types types;
  private final Types asIf;
  private final GgufWriter writer = new GgufWriter();

  private GgufCopy(ModelFolder model, Types types, Types asIf) {
    this.model = model;
    this.types = types;
    this.asIf = asIf;
    shape = model.shape();
  }

  /** A copy whose matrices are rounded to those types. */
  public static Path of(Path folder, Path file, Types types) throws Exception {
    return of(folder, file, types, types, writer -> {});
  }

  /**
   * A copy whose matrices are rounded to some types, then stored as others, with more keys.
   *
   * @param asIf what numbers are rounded to first
   */
  public static Path of(Path folder, Path file, Types types, Types asIf, Consumer<GgufWriter> keys)
      throws Exception {
    var copy = new GgufCopy(ModelFolder.open(folder), types, asIf);
    keys.accept(copy.writer);
    return Files.write(file, copy.write());
  }

  private byte[] write() throws IOException {
    String name =
        switch (shape.family()) {
          case LLAMA, MISTRAL -> "llama";
          case QWEN2 -> "qwen2";
          case QWEN3 -> "qwen3";
          case OPT -> throw new IllegalArgumentException("GGUF has no OPT");
        };
    if (!(shape.ropeScaling() instanceof RopeScaling.None)) {
      throw new IllegalArgumentException("only without scaling");
    }
    writer
        .key("general.architecture", name)
        .key("general.quantization_version", 2)
        .key(name + ".context_length", shape.maxPositions())
        .key(name + ".embedding_length", shape.hidden())
        .key(name + ".block_count", shape.layers())
        .key(name + ".feed_forward_length", shape.ffn())
        .key(name + ".attention.head_count", shape.heads())
        .key(name + ".attention.head_count_kv", shape.kvHeads())
        .key(name + ".attention.key_length", shape.headDim())
        .key(name + ".attention.value_length", shape.headDim())
        .key(name + ".rope.dimension_count", shape.headDim())
        .key(name + ".rope.freq_base", (float) shape.ropeTheta())
        .key(name + ".attention.layer_norm_rms_epsilon", (float) shape.normEpsilon());
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        for (int layer = 0; layer < (weight.perLayer() ? shape.layers() : 1); layer++) {
          matrix(weight, layer);
        }
      }
    }
    for (var vector : ModelVector.values()) {
      if (vector.length(shape) > 0) {
        for (int layer = 0; layer < (vector.perLayer() ? shape.layers() : 1); layer++) {
          vector(vector, layer);
        }
      }
    }
    return writer.file();
  }

  private void matrix(Weight weight, int layer) throws IOException {
    int rows = shape.rows(weight);
    int columns = shape.columns(weight);
    var type = types.of(weight, layer);
    var rounded = asIf.of(weight, layer);
    var numbers = numbers(model.tensor(weight, layer), (long) rows * columns);
    var data = ByteBuffer.allocate(Math.toIntExact(rows * type.rowBytes(columns)));
    for (int row = 0; row < rows; row++) {
      int from = permuted(weight) ? source(row) : row;
      var line = new float[columns];
      for (int i = 0; i < columns; i++) {
        line[i] = (float) numbers[from * columns + i];
      }
      if (rounded != type) {
        var decoded = BlockCodec.decode(rounded, BlockCodec.encode(rounded, line), columns);
        for (int i = 0; i < columns; i++) {
          line[i] = (float) decoded[i];
        }
      }
      data.put(BlockCodec.encode(type, line));
    }
    writer.tensor(
        name(weight, layer) + ".weight", BlockCodec.number(type), data.array(), columns, rows);
  }

  private void vector(ModelVector vector, int layer) throws IOException {
    int length = vector.length(shape);
    var numbers = numbers(model.tensor(vector, layer), length);
    boolean permuted =
        permuted(Weight.Q) && (vector == ModelVector.Q_BIAS || vector == ModelVector.K_BIAS);
    var line = new float[length];
    for (int i = 0; i < length; i++) {
      line[i] = (float) numbers[permuted ? source(i) : i];
    }
    writer.tensor(name(vector, layer), 0, BlockCodec.encode(ElementType.F32, line), length);
  }

  /** Llama's q and k are permuted, so that rotary pairs are neighbours. */
  private boolean permuted(Weight weight) {
    boolean llama = shape.family() == Family.LLAMA || shape.family() == Family.MISTRAL;
    return llama && (weight == Weight.Q || weight == Weight.K);
  }

  /** The folder's row that becomes a row of the file. */
  private int source(int row) {
    int head = row / shape.headDim();
    int i = row % shape.headDim();
    return head * shape.headDim() + i / 2 + i % 2 * (shape.headDim() / 2);
  }

  private static double[] numbers(Tensor tensor, long count) throws IOException {
    var bytes = ByteBuffer.allocate(Math.toIntExact(tensor.bytes()));
    try (var channel = FileChannel.open(tensor.file())) {
      while (bytes.hasRemaining() && channel.read(bytes, tensor.offset() + bytes.position()) > 0) {}
    }
    return BlockCodec.decode(
        ElementType.valueOf(tensor.dtype()), bytes.array(), Math.toIntExact(count));
  }

  private static String name(Weight weight, int layer) {
    String block = "blk." + layer + ".";
    return switch (weight) {
      case TOKENS -> "token_embd";
      case HEAD -> "output";
      case Q -> block + "attn_q";
      case K -> block + "attn_k";
      case V -> block + "attn_v";
      case O -> block + "attn_output";
      case GATE -> block + "ffn_gate";
      case UP -> block + "ffn_up";
      case DOWN -> block + "ffn_down";
      case POSITIONS, PROJECT_IN, PROJECT_OUT -> throw new IllegalArgumentException(weight.word());
    };
  }

  private static String name(ModelVector vector, int layer) {
    String block = "blk." + layer + ".";
    return switch (vector) {
      case ATTENTION_NORM -> block + "attn_norm.weight";
      case MLP_NORM -> block + "ffn_norm.weight";
      case FINAL_NORM -> "output_norm.weight";
      case Q_NORM -> block + "attn_q_norm.weight";
      case K_NORM -> block + "attn_k_norm.weight";
      case Q_BIAS -> name(Weight.Q, layer) + ".bias";
      case K_BIAS -> name(Weight.K, layer) + ".bias";
      case V_BIAS -> name(Weight.V, layer) + ".bias";
      case O_BIAS -> name(Weight.O, layer) + ".bias";
      case GATE_BIAS -> name(Weight.GATE, layer) + ".bias";
      case UP_BIAS -> name(Weight.UP, layer) + ".bias";
      case DOWN_BIAS -> name(Weight.DOWN, layer) + ".bias";
      case ATTENTION_NORM_BIAS, MLP_NORM_BIAS, FINAL_NORM_BIAS, ROPE_FACTORS ->
          throw new IllegalArgumentException(vector.name());
    };
  }
}
