package dev.stowage.plan.model;

import dev.stowage.plan.model.GgufMetadata.Kind;
import dev.stowage.plan.model.GgufMetadata.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.TreeMap;

/**
 * The header of one GGUF file, version 2 or 3, little endian:
 *
 * <pre>
 * "GGUF", version u32, tensors u64, keys u64
 * keys     name, kind u32, value            a text is its length u64 and its UTF-8; a list the elements' kind u32, their number u64, and they
 * tensors  name, dimensions u32, each u64 (columns first), type u32, offset u64 from the data's start
 * padding to the next multiple of general.alignment (32), then the data
 * </pre>
 *
 * Nothing behind the header is read, nothing is allocated for a length before that many bytes have
 * been seen to exist.
 *
 * @param raw the header as stored, without the padding
 * @param fileBytes length of the whole file
 */
record GgufHeader(
    Path file, byte[] raw, GgufMetadata metadata, List<Tensor> tensors, long fileBytes)
    implements WeightFile {
  /** Vocabularies of 256 thousand tokens with their merges take 15 MB. */
  private static final int LONGEST = 64 << 20;

  private static final int LONGEST_NAME = 1 << 16;
  private static final int MOST_KEYS = 1 << 16;
  private static final int MOST_TENSORS = 1 << 17;
  private static final int MOST_DIMENSIONS = 4;
  private static final int MOST_NESTING = 4;
  private static final int CHUNK = 1 << 16;

  /** Whether a file says of itself that it is a GGUF file. */
  static boolean isGguf(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (var in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(4), "GGUF".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      return false;
    }
  }

  static GgufHeader read(Path file) throws ModelFormatException {
    if (!Files.isRegularFile(file)) {
      throw new ModelFormatException("%s: no such file".formatted(file));
    }
    try (var channel = FileChannel.open(file)) {
      return new Reader(file, channel, channel.size()).read();
    } catch (IOException e) {
      throw new ModelFormatException("%s: cannot be read: %s".formatted(file, e), e);
    }
  }

  /** Walks over a header once, reading the file as far as it walks. */
  private static final class Reader {
    private final Path file;
    private final FileChannel channel;
    private final long fileBytes;
    private ByteBuffer bytes = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    private int at;

    Reader(Path file, FileChannel channel, long fileBytes) {
      this.file = file;
      this.channel = channel;
      this.fileBytes = fileBytes;
    }

    GgufHeader read() throws IOException, ModelFormatException {
      int magic = need(4, "its first four bytes");
      if (bytes.getInt(magic) != 0x46554747) {
        throw wrong("does not begin with GGUF: no GGUF file");
      }
      int version = integer("the version");
      if ((version & 0xffff) == 0) {
        throw wrong("is a big-endian GGUF file; little-endian ones are read");
      }
      if (version != 2 && version != 3) {
        throw wrong(
            "is GGUF version %s; 2 and 3 are read".formatted(Integer.toUnsignedString(version)));
      }
      int tensorCount = count("tensors", MOST_TENSORS);
      int keyCount = count("keys", MOST_KEYS);
      var values = new TreeMap<String, Value>();
      for (int i = 0; i < keyCount; i++) {
        String key = text("the name of key " + i, LONGEST_NAME);
        if (values.put(key, value(key)) != null) {
          throw wrong("key %s is there twice".formatted(key));
        }
      }
      var descriptions = new ArrayList<Description>();
      for (int i = 0; i < tensorCount; i++) {
        descriptions.add(description(i));
      }
      byte[] raw = Arrays.copyOf(bytes.array(), at);
      var metadata = new GgufMetadata(file, raw, values);
      long alignment = alignment(metadata);
      long dataStart = (at + alignment - 1) / alignment * alignment;
      var tensors = new ArrayList<Tensor>();
      for (var description : descriptions) {
        tensors.add(tensor(description, dataStart, alignment));
      }
      checkDisjoint(tensors);
      return new GgufHeader(file, raw, metadata, List.copyOf(tensors), fileBytes);
    }

    private long alignment(GgufMetadata metadata) throws ModelFormatException {
      int alignment = metadata.natural("general.alignment").orElse(32);
      if (Integer.bitCount(alignment) != 1 || alignment > 1 << 20) {
        throw metadata.wrong("general.alignment", "is no power of two up to 2^20");
      }
      return alignment;
    }

    // -- values

    private Value value(String key) throws IOException, ModelFormatException {
      var kind = kind(key);
      if (kind != Kind.ARRAY) {
        return new Value(kind, -1, skip(key, kind));
      }
      var elements = kind(key);
      int count = elements(key, elements);
      int first = at;
      skipAll(key, elements, count, 1);
      return new Value(elements, count, first);
    }

    private Kind kind(String key) throws IOException, ModelFormatException {
      int number = integer("the kind of " + key);
      if (number < 0 || number >= Kind.values().length) {
        throw wrong(
            "key %s is of an unknown kind %s".formatted(key, Integer.toUnsignedString(number)));
      }
      return Kind.values()[number];
    }

    /** A list's length; the elements, however short, have to lie in the file. */
    private int elements(String key, Kind kind) throws IOException, ModelFormatException {
      long count = number("the length of " + key);
      int least =
          switch (kind) {
            case STRING -> 8;
            case ARRAY -> 12;
            case UINT8, INT8, BOOL, UINT16, INT16, UINT32, INT32, FLOAT32, UINT64, INT64, FLOAT64 ->
                kind.bytes;
          };
      if (count < 0 || count > Math.min(LONGEST, fileBytes - at) / least) {
        throw wrong(
            "key %s has a list of %s elements, more than the file can hold"
                .formatted(key, Long.toUnsignedString(count)));
      }
      return (int) count;
    }

    private void skipAll(String key, Kind kind, int count, int depth)
        throws IOException, ModelFormatException {
      if (kind == Kind.BOOL) {
        for (int i = 0; i < count; i++) {
          skip(key, kind);
        }
      } else if (kind.bytes > 0) {
        need((long) count * kind.bytes, "the elements of " + key);
      } else {
        for (int i = 0; i < count; i++) {
          if (kind == Kind.STRING) {
            skip(key, kind);
          } else {
            if (depth == MOST_NESTING) {
              throw wrong("key %s nests lists too deeply".formatted(key));
            }
            var inner = kind(key);
            skipAll(key, inner, elements(key, inner), depth + 1);
          }
        }
      }
    }

    private int skip(String key, Kind kind) throws IOException, ModelFormatException {
      if (kind == Kind.STRING) {
        int start = need(8, "the length of " + key);
        long length = bytes.getLong(start);
        if (length < 0) {
          throw wrong("key %s has an impossible length".formatted(key));
        }
        need(length, "the text of " + key);
        return start;
      }
      int start = need(kind.bytes, "the value of " + key);
      if (kind == Kind.BOOL && (bytes.get(start) & 0xfe) != 0) {
        throw wrong("key %s is neither true nor false".formatted(key));
      }
      return start;
    }

    // -- tensors

    /** A tensor's entry; dimensions as in the file, the columns first. */
    private record Description(String name, List<Long> dimensions, int type, long offset) {}

    private Description description(int i) throws IOException, ModelFormatException {
      String name = text("the name of tensor " + i, LONGEST_NAME);
      int dimensions = integer("the dimensions of " + name);
      if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
        throw wrong(
            "tensor %s has %s dimensions".formatted(name, Integer.toUnsignedString(dimensions)));
      }
      var sizes = new ArrayList<Long>();
      for (int d = 0; d < dimensions; d++) {
        long size = number("the dimensions of " + name);
        if (size < 0) {
          throw wrong("tensor %s has an impossible dimension".formatted(name));
        }
        sizes.add(size);
      }
      int type = integer("the type of " + name);
      long offset = number("the offset of " + name);
      return new Description(name, sizes, type, offset);
    }

    private Tensor tensor(Description d, long dataStart, long alignment)
        throws ModelFormatException {
      var type = GgufType.of(d.type());
      long length = 0;
      try {
        length = type.isEmpty() ? 0 : type.get().bytes(d.dimensions());
      } catch (ArithmeticException e) {
        throw wrong("tensor %s has impossible dimensions %s".formatted(d.name(), d.dimensions()));
      } catch (IllegalArgumentException e) {
        throw wrong("tensor %s %s".formatted(d.name(), e.getMessage()));
      }
      long room = fileBytes - dataStart;
      if (d.offset() < 0 || d.offset() > room || length > room - d.offset()) {
        throw wrong(
            "tensor %s, of %d bytes, lies at %s of %d bytes of data (truncated file?)"
                .formatted(d.name(), length, Long.toUnsignedString(d.offset()), Math.max(0, room)));
      }
      if (d.offset() % alignment != 0) {
        throw wrong(
            "tensor %s lies at %d, no multiple of the alignment %d"
                .formatted(d.name(), d.offset(), alignment));
      }
      String word = type.map(GgufType::word).orElse("type " + Integer.toUnsignedString(d.type()));
      return new Tensor(
          d.name(), file, word, d.dimensions().reversed(), dataStart + d.offset(), length);
    }

    private void checkDisjoint(List<Tensor> tensors) throws ModelFormatException {
      var names = new HashSet<String>();
      Tensor before = null;
      for (var tensor :
          tensors.stream().sorted(Comparator.comparingLong(Tensor::offset)).toList()) {
        if (!names.add(tensor.name())) {
          throw wrong("tensor %s is there twice".formatted(tensor.name()));
        }
        if (tensor.bytes() == 0) {
          continue;
        }
        if (before != null && tensor.offset() < before.offset() + before.bytes()) {
          throw wrong("tensor %s overlaps tensor %s".formatted(tensor.name(), before.name()));
        }
        before = tensor;
      }
    }

    // -- bytes

    private int count(String what, int most) throws IOException, ModelFormatException {
      long count = number("the number of " + what);
      if (count < 0 || count > most) {
        throw wrong(
            "has %s %s, more than the %d read here"
                .formatted(Long.toUnsignedString(count), what, most));
      }
      return (int) count;
    }

    private int integer(String what) throws IOException, ModelFormatException {
      int start = need(4, what); // which may take another buffer
      return bytes.getInt(start);
    }

    private long number(String what) throws IOException, ModelFormatException {
      int start = need(8, what); // which may take another buffer
      return bytes.getLong(start);
    }

    private String text(String what, int longest) throws IOException, ModelFormatException {
      long length = number(what);
      if (length < 1 || length > longest) {
        throw wrong("%s has %s bytes".formatted(what, Long.toUnsignedString(length)));
      }
      int start = need(length, what);
      return new String(bytes.array(), start, (int) length, StandardCharsets.UTF_8);
    }

    /** Goes on by so many bytes, which then are in memory; returns where they begin. */
    private int need(long count, String what) throws IOException, ModelFormatException {
      if (count > fileBytes - at) {
        throw wrong(
            "ends within %s: %d bytes of which %s are needed here (truncated, or no GGUF file)"
                .formatted(what, fileBytes, Long.toUnsignedString(count)));
      }
      if (count > LONGEST - at) {
        throw wrong("has a header longer than the %d bytes read here".formatted(LONGEST));
      }
      int start = at;
      at += (int) count;
      if (at > bytes.limit()) {
        fill();
      }
      return start;
    }

    private void fill() throws IOException {
      int have = bytes.limit();
      int want = (int) Math.min(fileBytes, (at + CHUNK - 1L) / CHUNK * CHUNK);
      if (want > bytes.capacity()) {
        int capacity = (int) Math.min(Math.max(want, 2L * bytes.capacity()), LONGEST + 2L * CHUNK);
        bytes =
            ByteBuffer.wrap(Arrays.copyOf(bytes.array(), capacity)).order(ByteOrder.LITTLE_ENDIAN);
      }
      bytes.limit(want).position(have);
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, bytes.position()) < 0) {
          throw new IOException("the file became shorter while it was read");
        }
      }
    }

    private ModelFormatException wrong(String what) {
      return new ModelFormatException("%s: %s".formatted(file, what));
    }
  }
}
