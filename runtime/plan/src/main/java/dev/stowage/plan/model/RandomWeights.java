package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * A safetensors file of random weights: all that timing a shape needs. Its numbers repeat every
 * million, which no kernel can tell.
 *
 * @param type of the weights: F32, F16 or BF16
 */
public record RandomWeights(ElementType type, List<Named> tensors) {
  private static final int PERIOD = 1 << 20;
  private static final long SEED = 1;

  /**
   * A tensor.
   *
   * @param extents of its dimensions, outermost first
   */
  public record Named(String name, int... extents) {
    long numbers() {
      return Arrays.stream(extents).asLongStream().reduce(1, Math::multiplyExact);
    }
  }

  public RandomWeights {
    tensors = List.copyOf(tensors);
  }

  /** Bytes of the weights. */
  public long bytes() {
    return tensors.stream().mapToLong(Named::numbers).sum() * type.bytes();
  }

  /** The type's name in a model's {@code config.json}. */
  public String configType() {
    return switch (type) {
      case F32 -> "float32";
      case F16 -> "float16";
      case BF16 -> "bfloat16";
      case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
    };
  }

  /** Writes {@code config.json} and {@code model.safetensors} to a folder of its own. */
  public void write(Path folder, String config) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config);
    try (var out =
        new BufferedOutputStream(
            Files.newOutputStream(folder.resolve("model.safetensors")), 1 << 20)) {
      out.write(header());
      var numbers = numbers();
      for (long left = bytes(); left > 0; left -= numbers.length) {
        out.write(numbers, 0, (int) Math.min(left, numbers.length));
      }
    }
  }

  /** What the file begins with: where each tensor lies. */
  public byte[] header() {
    var entries = new ArrayList<String>();
    long end = 0;
    for (var tensor : tensors) {
      long begin = end;
      end += tensor.numbers() * type.bytes();
      var extents =
          Arrays.stream(tensor.extents())
              .mapToObj(Integer::toString)
              .collect(Collectors.joining(","));
      entries.add(
          "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
              .formatted(tensor.name(), type.name(), extents, begin, end));
    }
    var json = "{" + String.join(",", entries) + "}";
    var header = (json + " ".repeat((8 - json.length() % 8) % 8)).getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + header.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .array();
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
