package dev.stowage.plan.model;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes GGUF files, right or wrong. */
public final class GgufWriter {
  private record Entry(String name, List<Long> dimensions, int type, byte[] data) {}

  private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
  private final List<Entry> tensors = new ArrayList<>();
  private int keyCount;
  private int alignment = 32;

  /** A key with a u32. */
  public GgufWriter key(String name, int value) {
    return raw(name, 4, bytes(4).putInt(value));
  }

  /** A key with a u64. */
  public GgufWriter key(String name, long value) {
    return raw(name, 10, bytes(8).putLong(value));
  }

  public GgufWriter key(String name, float value) {
    return raw(name, 6, bytes(4).putFloat(value));
  }

  public GgufWriter key(String name, boolean value) {
    return raw(name, 7, bytes(1).put((byte) (value ? 1 : 0)));
  }

  public GgufWriter key(String name, String value) {
    return raw(name, 8, text(value));
  }

  public GgufWriter key(String name, List<String> values) {
    int length = values.stream().mapToInt(value -> text(value).capacity()).sum();
    var list = bytes(12 + length).putInt(8).putLong(values.size());
    values.forEach(value -> list.put(text(value).flip()));
    return raw(name, 9, list);
  }

  public GgufWriter key(String name, float[] values) {
    var list = bytes(12 + 4 * values.length).putInt(6).putLong(values.length);
    for (float value : values) {
      list.putFloat(value);
    }
    return raw(name, 9, list);
  }

  /** A key with a list of i32. */
  public GgufWriter key(String name, int[] values) {
    var list = bytes(12 + 4 * values.length).putInt(5).putLong(values.length);
    for (int value : values) {
      list.putInt(value);
    }
    return raw(name, 9, list);
  }

  /** A key with a value of any kind, as it is to lie in the file. */
  public GgufWriter raw(String name, int kind, ByteBuffer value) {
    keys.writeBytes(text(name).array());
    keys.writeBytes(bytes(4).putInt(kind).array());
    keys.writeBytes(value.array());
    keyCount++;
    return this;
  }

  public GgufWriter alignment(int bytes) {
    alignment = bytes;
    return key("general.alignment", bytes);
  }

  /**
   * A tensor.
   *
   * @param type ggml's number
   * @param columns then the sizes of the outer dimensions
   */
  public GgufWriter tensor(String name, int type, byte[] data, long... columns) {
    var dimensions = new ArrayList<Long>();
    for (long size : columns) {
      dimensions.add(size);
    }
    tensors.add(new Entry(name, dimensions, type, data));
    return this;
  }

  public byte[] file() {
    return file(3);
  }

  public byte[] file(int version) {
    var out = new ByteArrayOutputStream();
    out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(bytes(20).putInt(version).putLong(tensors.size()).putLong(keyCount).array());
    out.writeBytes(keys.toByteArray());
    long offset = 0;
    for (var tensor : tensors) {
      out.writeBytes(text(tensor.name()).array());
      out.writeBytes(bytes(4).putInt(tensor.dimensions().size()).array());
      tensor.dimensions().forEach(size -> out.writeBytes(bytes(8).putLong(size).array()));
      out.writeBytes(bytes(12).putInt(tensor.type()).putLong(offset).array());
      offset = aligned(offset + tensor.data().length);
    }
    for (var tensor : tensors) {
      pad(out);
      out.writeBytes(tensor.data());
    }
    pad(out);
    return out.toByteArray();
  }

  private void pad(ByteArrayOutputStream out) {
    while (out.size() % alignment != 0) {
      out.write(0);
    }
  }

  private long aligned(long offset) {
    return (offset + alignment - 1) / alignment * alignment;
  }

  public static ByteBuffer bytes(int count) {
    return ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
  }

  public static ByteBuffer text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    return bytes(8 + utf8.length).putLong(utf8.length).put(utf8);
  }
}
