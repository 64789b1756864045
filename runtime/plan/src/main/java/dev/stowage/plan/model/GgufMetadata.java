package dev.stowage.plan.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;

/**
 * The keys and values at the head of a GGUF file, with their types checked when they are asked for.
 * Long lists stay as they lie in the header until they are read.
 */
public final class GgufMetadata {
  /** The kinds of values, in the order of the file's numbers for them. */
  enum Kind {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    STRING(0),
    ARRAY(0),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    /** Bytes of a value; 0 where it tells its own length. */
    final int bytes;

    Kind(int bytes) {
      this.bytes = bytes;
    }

    boolean integer() {
      return switch (this) {
        case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
        case FLOAT32, BOOL, STRING, ARRAY, FLOAT64 -> false;
      };
    }
  }

  /**
   * Where a value lies in the header.
   *
   * @param kind of the value, or of the elements of a list
   * @param count elements of a list; −1 for a single value
   * @param at the first byte of the value, or of the first element
   */
  record Value(Kind kind, int count, int at) {
    boolean single() {
      return count < 0;
    }
  }

  private final Path file;
  private final ByteBuffer header;
  private final SortedMap<String, Value> values;

  GgufMetadata(Path file, byte[] header, SortedMap<String, Value> values) {
    this.file = file;
    this.header = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
    this.values = Collections.unmodifiableSortedMap(values);
  }

  /** The file, for messages. */
  public Path file() {
    return file;
  }

  /** All keys, sorted. */
  public Set<String> keys() {
    return values.keySet();
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  /** A text, or nothing where the key is absent. */
  public Optional<String> text(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.single() || value.kind() != Kind.STRING) {
      throw wrong(key, "is no text");
    }
    return Optional.of(string(value.at()));
  }

  /** A natural number that fits an int, or nothing where the key is absent. */
  public Optional<Integer> natural(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.single() || !value.kind().integer()) {
      throw wrong(key, "is no whole number");
    }
    long number = integer(value.kind(), value.at());
    if (number < 0 || number > Integer.MAX_VALUE) {
      throw wrong(key, "is no natural number below 2^31");
    }
    return Optional.of((int) number);
  }

  /** A finite number, or nothing where the key is absent. */
  public Optional<Double> number(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    double number =
        value.single() && value.kind() != Kind.STRING && value.kind() != Kind.BOOL
            ? real(value.kind(), value.at())
            : Double.NaN;
    if (!Double.isFinite(number)) {
      throw wrong(key, "is no finite number");
    }
    return Optional.of(number);
  }

  /** True or false, or nothing where the key is absent. */
  public Optional<Boolean> flag(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.single() || value.kind() != Kind.BOOL) {
      throw wrong(key, "is neither true nor false");
    }
    return Optional.of(header.get(value.at()) != 0);
  }

  /** A list of texts, or nothing where the key is absent. */
  public Optional<List<String>> texts(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value.single() || value.kind() != Kind.STRING) {
      throw wrong(key, "is no list of texts");
    }
    var texts = new ArrayList<String>(value.count());
    int at = value.at();
    for (int i = 0; i < value.count(); i++) {
      texts.add(string(at));
      at += 8 + (int) header.getLong(at);
    }
    return Optional.of(texts);
  }

  /** A list of finite numbers, or nothing where the key is absent. */
  public Optional<float[]> numbers(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value.single() || value.kind().bytes == 0 || value.kind() == Kind.BOOL) {
      throw wrong(key, "is no list of numbers");
    }
    var numbers = new float[value.count()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) real(value.kind(), value.at() + i * value.kind().bytes);
      if (!Float.isFinite(numbers[i])) {
        throw wrong(key, "holds a number that is not finite");
      }
    }
    return Optional.of(numbers);
  }

  /** A list of whole numbers that fit ints, or nothing where the key is absent. */
  public Optional<int[]> integers(String key) throws ModelFormatException {
    var value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value.single() || !value.kind().integer()) {
      throw wrong(key, "is no list of whole numbers");
    }
    var integers = new int[value.count()];
    for (int i = 0; i < integers.length; i++) {
      long integer = integer(value.kind(), value.at() + i * value.kind().bytes);
      if (integer != (int) integer) {
        throw wrong(key, "holds a number beyond 32 bits");
      }
      integers[i] = (int) integer;
    }
    return Optional.of(integers);
  }

  /** Elements of a list; nothing where the key is absent or a single value. */
  public Optional<Integer> length(String key) {
    var value = values.get(key);
    return value == null || value.single() ? Optional.empty() : Optional.of(value.count());
  }

  /** A value as people read it: a list by its length and kind. */
  public String shown(String key) {
    var value = values.get(key);
    if (value == null) {
      return "";
    }
    String kind = value.kind().name().toLowerCase(java.util.Locale.ROOT);
    if (!value.single()) {
      return "%d × %s".formatted(value.count(), kind);
    }
    return switch (value.kind()) {
      case STRING -> string(value.at());
      case BOOL -> String.valueOf(header.get(value.at()) != 0);
      case FLOAT32 -> String.valueOf(header.getFloat(value.at()));
      case FLOAT64 -> String.valueOf(header.getDouble(value.at()));
      case UINT64 -> Long.toUnsignedString(header.getLong(value.at()));
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, INT64 ->
          String.valueOf(integer(value.kind(), value.at()));
      case ARRAY -> kind;
    };
  }

  private String string(int at) {
    int length = (int) header.getLong(at);
    return new String(header.array(), at + 8, length, StandardCharsets.UTF_8);
  }

  /** An unsigned 64-bit number beyond a long's counts as negative: nothing here is so large. */
  private long integer(Kind kind, int at) {
    return switch (kind) {
      case UINT8 -> header.get(at) & 0xff;
      case INT8 -> header.get(at);
      case UINT16 -> header.getShort(at) & 0xffff;
      case INT16 -> header.getShort(at);
      case UINT32 -> header.getInt(at) & 0xffffffffL;
      case INT32 -> header.getInt(at);
      case UINT64, INT64 -> header.getLong(at);
      case FLOAT32, BOOL, STRING, ARRAY, FLOAT64 ->
          throw new IllegalArgumentException(kind + " is no whole number");
    };
  }

  private double real(Kind kind, int at) {
    return switch (kind) {
      case FLOAT32 -> header.getFloat(at);
      case FLOAT64 -> header.getDouble(at);
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> integer(kind, at);
      case BOOL, STRING, ARRAY -> Double.NaN;
    };
  }

  /** What to throw where a key's value is not what is needed. */
  public ModelFormatException wrong(String key, String what) {
    String shown = shown(key);
    shown = shown.length() <= 60 ? shown : shown.substring(0, 60) + "…";
    return new ModelFormatException(
        "%s: %s %s%s".formatted(file, key, what, shown.isEmpty() ? "" : " (" + shown + ")"));
  }

  /** What to throw where a key is needed and absent. */
  public ModelFormatException missing(String key) {
    return new ModelFormatException("%s: %s is missing".formatted(file, key));
  }
}
