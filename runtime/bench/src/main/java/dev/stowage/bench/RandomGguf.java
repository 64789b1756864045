package dev.stowage.bench;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Writes a Llama of TinyLlama-1.1B's shape with random weights, all matrices in one format, and a
 * vocabulary that means nothing: all that a race between programs needs. The numbers repeat, which
 * no kernel can tell.
 */
final class RandomGguf {
  /** Layers of TinyLlama-1.1B. */
  static final int LAYERS = 22;

  static final int HIDDEN = 2048;
  static final int FEED_FORWARD = 5632;
  static final int HEADS = 32;
  static final int KV_HEADS = 4;
  static final int POSITIONS = 2048;
  private static final int ALIGNMENT = 32;
  private static final int BLOCKS = 1 << 15;
  private static final long SEED = 1;

  /** Tokens there are. */
  static final int VOCABULARY = 32000;

  /**
   * How numbers lie in a file: in blocks.
   *
   * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">the GGUF
   *     specification</a>
   */
  enum Format {
    F32(0, 1, 4),
    F16(1, 1, 2),
    BF16(30, 1, 2),
    Q8_0(8, 32, 34),
    Q4_0(2, 32, 18),
    Q4_K(12, 256, 144),
    Q6_K(14, 256, 210);

    private final int number;
    private final int blockNumbers;
    private final int blockBytes;

    Format(int number, int blockNumbers, int blockBytes) {
      this.number = number;
      this.blockNumbers = blockNumbers;
      this.blockBytes = blockBytes;
    }

    private byte[] block(Random random) {
      var block = ByteBuffer.allocate(blockBytes).order(ByteOrder.LITTLE_ENDIAN);
      switch (this) {
        case F32 -> block.putFloat(1);
        case F16 -> block.putShort(Float.floatToFloat16(small(random)));
        case BF16 -> block.putShort((short) (Float.floatToRawIntBits(small(random)) >>> 16));
        case Q8_0 -> quantized(block, 0.05f / 127, random);
        case Q4_0 -> quantized(block, 0.05f / 8, random);
        case Q4_K -> {
          // scales and mins of 32 on average, codes of 8
          block.putShort(Float.floatToFloat16(0.05f / 8 / 32));
          quantized(block, 0.05f / 32, random);
        }
        case Q6_K -> {
          // signed scales of 64 on average; the rest before the block's scale
          var numbers = new byte[blockBytes - Short.BYTES];
          random.nextBytes(numbers);
          block.put(numbers).putShort(Float.floatToFloat16(0.05f / 32 / 64));
        }
      }
      return block.array();
    }

    private static float small(Random random) {
      return (float) (0.02 * random.nextGaussian());
    }

    private static void quantized(ByteBuffer block, float scale, Random random) {
      block.putShort(Float.floatToFloat16(scale));
      var numbers = new byte[block.remaining()];
      random.nextBytes(numbers);
      block.put(numbers);
    }
  }

  private record Tensor(String name, Format format, int columns, int rows) {
    long bytes() {
      return (long) columns * rows / format.blockNumbers * format.blockBytes;
    }
  }

  private RandomGguf() {}

  /** The file of a format in a folder; written if it is not there yet. */
  static Path in(Path folder, Format format) throws IOException {
    return in(folder, format, LAYERS);
  }

  /** The same with fewer, or more, of its layers. */
  static Path in(Path folder, Format format, int layers) throws IOException {
    var depth = layers == LAYERS ? "" : "-%d-layers".formatted(layers);
    var name = "random-1.1b-%s%s.gguf".formatted(format.name().toLowerCase(Locale.ROOT), depth);
    var file = folder.resolve(name);
    if (!Files.exists(file)) {
      Files.createDirectories(folder);
      var unfinished = folder.resolve(file.getFileName() + ".part");
      try (var out = new BufferedOutputStream(Files.newOutputStream(unfinished), 1 << 20)) {
        write(format, layers, out);
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return file;
  }

  private static List<Tensor> tensors(Format format, int layers) {
    int kv = HIDDEN / HEADS * KV_HEADS;
    var tensors = new ArrayList<Tensor>();
    tensors.add(new Tensor("token_embd.weight", format, HIDDEN, VOCABULARY));
    for (int layer = 0; layer < layers; layer++) {
      var block = "blk." + layer + ".";
      tensors.add(new Tensor(block + "attn_norm.weight", Format.F32, HIDDEN, 1));
      tensors.add(new Tensor(block + "attn_q.weight", format, HIDDEN, HIDDEN));
      tensors.add(new Tensor(block + "attn_k.weight", format, HIDDEN, kv));
      tensors.add(new Tensor(block + "attn_v.weight", format, HIDDEN, kv));
      tensors.add(new Tensor(block + "attn_output.weight", format, HIDDEN, HIDDEN));
      tensors.add(new Tensor(block + "ffn_norm.weight", Format.F32, HIDDEN, 1));
      tensors.add(new Tensor(block + "ffn_gate.weight", format, HIDDEN, FEED_FORWARD));
      tensors.add(new Tensor(block + "ffn_up.weight", format, HIDDEN, FEED_FORWARD));
      tensors.add(new Tensor(block + "ffn_down.weight", format, FEED_FORWARD, HIDDEN));
    }
    tensors.add(new Tensor("output_norm.weight", Format.F32, HIDDEN, 1));
    tensors.add(new Tensor("output.weight", format, HIDDEN, VOCABULARY));
    return tensors;
  }

  private static void write(Format format, int layers, OutputStream out) throws IOException {
    var tensors = tensors(format, layers);
    var head = new Head();
    head.text("general.architecture", "llama");
    head.text("general.name", "random weights");
    head.number("llama.block_count", layers);
    head.number("llama.context_length", POSITIONS);
    head.number("llama.embedding_length", HIDDEN);
    head.number("llama.feed_forward_length", FEED_FORWARD);
    head.number("llama.attention.head_count", HEADS);
    head.number("llama.attention.head_count_kv", KV_HEADS);
    head.number("llama.rope.dimension_count", HIDDEN / HEADS);
    head.number("llama.vocab_size", VOCABULARY);
    head.real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    head.real("llama.rope.freq_base", 10000);
    head.vocabulary();
    var bytes = head.bytes(tensors);
    out.write(bytes);
    long at = bytes.length;
    for (var tensor : tensors) {
      at += pad(at, out);
      at += numbers(tensor, out);
    }
    pad(at, out);
  }

  private static long pad(long at, OutputStream out) throws IOException {
    int missing = (int) (-at & (ALIGNMENT - 1));
    out.write(new byte[missing]);
    return missing;
  }

  private static long numbers(Tensor tensor, OutputStream out) throws IOException {
    var random = new Random(SEED);
    var blocks = new ByteArrayOutputStream();
    for (int i = 0; i < BLOCKS; i++) {
      blocks.writeBytes(tensor.format.block(random));
    }
    var some = blocks.toByteArray();
    for (long left = tensor.bytes(); left > 0; left -= some.length) {
      out.write(some, 0, (int) Math.min(left, some.length));
    }
    return tensor.bytes();
  }

  /** What stands before the numbers. */
  private static final class Head {
    private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
    private int count;

    void number(String name, int value) {
      key(name, 4).writeBytes(little(4).putInt(value).array());
    }

    void real(String name, float value) {
      key(name, 6).writeBytes(little(4).putFloat(value).array());
    }

    void text(String name, String value) {
      key(name, 8).writeBytes(string(value));
    }

    /** Three control tokens, the bytes, and words of nothing. */
    void vocabulary() {
      text("tokenizer.ggml.model", "llama");
      key("tokenizer.ggml.tokens", 9).writeBytes(little(12).putInt(8).putLong(VOCABULARY).array());
      for (int id = 0; id < VOCABULARY; id++) {
        keys.writeBytes(string(token(id)));
      }
      key("tokenizer.ggml.scores", 9).writeBytes(little(12).putInt(6).putLong(VOCABULARY).array());
      for (int id = 0; id < VOCABULARY; id++) {
        keys.writeBytes(little(4).putFloat(-id).array());
      }
      key("tokenizer.ggml.token_type", 9)
          .writeBytes(little(12).putInt(5).putLong(VOCABULARY).array());
      for (int id = 0; id < VOCABULARY; id++) {
        int type = id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1; // unknown, control, byte, normal
        keys.writeBytes(little(4).putInt(type).array());
      }
      number("tokenizer.ggml.bos_token_id", 1);
      number("tokenizer.ggml.eos_token_id", 2);
    }

    private static String token(int id) {
      return switch (id) {
        case 0 -> "<unk>";
        case 1 -> "<s>";
        case 2 -> "</s>";
        default -> id < 259 ? "<0x%02X>".formatted(id - 3) : "\u2581w" + id;
      };
    }

    byte[] bytes(List<Tensor> tensors) {
      var out = new ByteArrayOutputStream();
      out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
      out.writeBytes(little(20).putInt(3).putLong(tensors.size()).putLong(count).array());
      out.writeBytes(keys.toByteArray());
      long offset = 0;
      for (var tensor : tensors) {
        out.writeBytes(string(tensor.name));
        var sizes = tensor.rows == 1 ? new long[] {tensor.columns} : sizes(tensor);
        out.writeBytes(little(4).putInt(sizes.length).array());
        for (long size : sizes) {
          out.writeBytes(little(8).putLong(size).array());
        }
        out.writeBytes(little(12).putInt(tensor.format.number).putLong(offset).array());
        offset += tensor.bytes() + (-tensor.bytes() & (ALIGNMENT - 1));
      }
      return out.toByteArray();
    }

    private static long[] sizes(Tensor tensor) {
      return new long[] {tensor.columns, tensor.rows};
    }

    private ByteArrayOutputStream key(String name, int kind) {
      count++;
      keys.writeBytes(string(name));
      keys.writeBytes(little(4).putInt(kind).array());
      return keys;
    }

    private static byte[] string(String value) {
      var bytes = value.getBytes(StandardCharsets.UTF_8);
      return little(8 + bytes.length).putLong(bytes.length).put(bytes).array();
    }

    private static ByteBuffer little(int bytes) {
      return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
