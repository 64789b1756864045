package dev.stowage.plan.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;

/**
 * The header of one safetensors file: eight bytes of its length (little endian), then a JSON object
 * of {@code name: {dtype, shape, data_offsets: [begin, end]}}, offsets counted from the header's
 * end.
 *
 * @param raw the header as stored, its length included
 * @param fileBytes length of the whole file
 */
record SafetensorsHeader(Path file, byte[] raw, List<Tensor> tensors, long fileBytes)
    implements WeightFile {
  /** The format's own limit. */
  private static final long LONGEST = 100_000_000;

  private static final int MOST_DIMENSIONS = 16;

  static SafetensorsHeader read(Path file) throws ModelFormatException {
    if (!Files.isRegularFile(file)) {
      throw new ModelFormatException("%s: no such file".formatted(file));
    }
    try (var channel = FileChannel.open(file)) {
      long fileBytes = channel.size();
      if (fileBytes < 8) {
        throw new ModelFormatException(
            "%s: %d bytes are no safetensors file".formatted(file, fileBytes));
      }
      var prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      readFully(channel, prefix, 0);
      long length = prefix.getLong(0);
      if (length < 2 || length > LONGEST || length > fileBytes - 8) {
        throw new ModelFormatException(
            "%s: a header of %s bytes in a file of %d (truncated, or not a safetensors file)"
                .formatted(file, Long.toUnsignedString(length), fileBytes));
      }
      var raw = ByteBuffer.allocate(8 + (int) length);
      readFully(channel, raw, 0);
      var tensors = parse(file, raw.array(), fileBytes);
      return new SafetensorsHeader(file, raw.array(), tensors, fileBytes);
    } catch (IOException e) {
      throw new ModelFormatException("%s: %s".formatted(file, JsonFile.reason(e)), e);
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer into, long position)
      throws IOException {
    while (into.hasRemaining()) {
      if (channel.read(into, position + into.position()) < 0) {
        throw new IOException("the file became shorter while it was read");
      }
    }
  }

  private static List<Tensor> parse(Path file, byte[] raw, long fileBytes)
      throws IOException, ModelFormatException {
    var tensors = new ArrayList<Tensor>();
    try (var parser = JsonFile.FACTORY.createParser(raw, 8, raw.length - 8)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new ModelFormatException("%s: the header is no JSON object".formatted(file));
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        if (name.equals("__metadata__")) {
          parser.skipChildren();
        } else {
          tensors.add(tensor(file, name, parser, raw.length, fileBytes));
        }
      }
      if (parser.nextToken() != null) {
        throw new ModelFormatException("%s: text follows the header's object".formatted(file));
      }
    }
    checkDisjoint(file, tensors);
    return List.copyOf(tensors);
  }

  private static Tensor tensor(
      Path file, String name, JsonParser parser, long dataStart, long fileBytes)
      throws IOException, ModelFormatException {
    String dtype = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw wrong(file, name, "is described by no JSON object");
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "dtype" -> {
          if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw wrong(file, name, "has a dtype that is no text");
          }
          dtype = parser.getText();
        }
        case "shape" -> shape = integers(file, name, key, parser);
        case "data_offsets" -> offsets = integers(file, name, key, parser);
        default -> throw wrong(file, name, "has an unknown field '" + key + "'");
      }
    }
    if (dtype == null || shape == null || offsets == null || offsets.size() != 2) {
      throw wrong(file, name, "lacks a dtype, a shape or two data_offsets");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    if (begin > end || end > fileBytes - dataStart) {
      throw wrong(
          file,
          name,
          "lies at %d..%d of %d bytes of data (truncated file?)"
              .formatted(begin, end, fileBytes - dataStart));
    }
    int elementBytes = elementBytes(dtype);
    if (elementBytes > 0 && bytes(file, name, shape, elementBytes) != end - begin) {
      throw wrong(
          file, name, "is %s of shape %s, but has %d bytes".formatted(dtype, shape, end - begin));
    }
    return new Tensor(name, file, dtype, shape, dataStart + begin, end - begin);
  }

  private static List<Long> integers(Path file, String name, String key, JsonParser parser)
      throws IOException, ModelFormatException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrong(file, name, "has a " + key + " that is no list");
    }
    var values = new ArrayList<Long>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
          || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
          || parser.getLongValue() < 0
          || values.size() == MOST_DIMENSIONS) {
        throw wrong(file, name, "has a " + key + " that is no list of a few natural numbers");
      }
      values.add(parser.getLongValue());
    }
    return values;
  }

  private static long bytes(Path file, String name, List<Long> shape, int elementBytes)
      throws ModelFormatException {
    try {
      long bytes = elementBytes;
      for (long size : shape) {
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw wrong(file, name, "has an impossible shape " + shape);
    }
  }

  /** Bytes of one element; 0 for types this reader does not know, an error only once used. */
  private static int elementBytes(String dtype) {
    return switch (dtype) {
      case "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2" -> 1;
      case "F16", "BF16", "I16", "U16" -> 2;
      case "F32", "I32", "U32" -> 4;
      case "F64", "I64", "U64" -> 8;
      default -> 0;
    };
  }

  private static void checkDisjoint(Path file, List<Tensor> tensors) throws ModelFormatException {
    var names = new HashSet<String>();
    Tensor before = null;
    for (var tensor : tensors.stream().sorted(Comparator.comparingLong(Tensor::offset)).toList()) {
      if (!names.add(tensor.name())) {
        throw wrong(file, tensor.name(), "is described twice");
      }
      if (tensor.bytes() == 0) {
        continue;
      }
      if (before != null && tensor.offset() < before.offset() + before.bytes()) {
        throw wrong(file, tensor.name(), "overlaps tensor " + before.name());
      }
      before = tensor;
    }
  }

  private static ModelFormatException wrong(Path file, String tensor, String what) {
    return new ModelFormatException("%s: tensor %s %s".formatted(file, tensor, what));
  }
}
