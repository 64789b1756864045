package dev.stowage.runtime.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelVector;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFilesTest {
  private static final Path GOLDEN = Path.of("../../examples/src/test/resources/golden");
  private static final Path TINY_OPT = Path.of("../../examples/models/tiny-opt");

  @TempDir Path folder;

  @Test
  void readsAnyRowsOfAnyMatrixAsStored() throws Exception {
    long seed = 7;
    var random = new Random(seed);
    var model = ModelFolder.open(GOLDEN.resolve("qwen2-bias-sharded"));
    var shape = model.shape();
    try (var files = ModelFiles.open(model);
        var arena = Arena.ofConfined()) {
      for (int round = 0; round < 200; round++) {
        var weight = Weight.values()[random.nextInt(Weight.values().length)];
        if (shape.rows(weight) == 0) {
          continue;
        }
        int layer = random.nextInt(shape.layers());
        int from = random.nextInt(shape.rows(weight));
        int to = from + 1 + random.nextInt(shape.rows(weight) - from);
        var tensor = model.tensor(weight, layer);
        byte[] whole = Files.readAllBytes(tensor.file());
        int start = (int) (tensor.offset() + from * shape.rowBytes(weight, layer));
        int bytes = (int) ((to - from) * shape.rowBytes(weight, layer));
        var target = arena.allocate(bytes + 5);

        var reader = files.bind(weight, layer, new Range(from, to), target);
        reader.read();
        reader.read();

        assertEquals(bytes, reader.bytes());
        assertArrayEquals(
            Arrays.copyOfRange(whole, start, start + bytes),
            target.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE),
            "seed %d, round %d: %s, layer %d, rows %d..%d"
                .formatted(seed, round, weight, layer, from, to));
      }
    }
  }

  @Test
  void widensVectorsOfEveryType() throws Exception {
    for (var type : ElementType.single()) {
      var path = copyOf("qwen3-qknorm");
      float[] expected = {1, -2, 0.5f, 65504, 0x1p-14f, -0f};
      replaceFinalNorm(path, type, expected);
      var model = ModelFolder.open(path);
      try (var files = ModelFiles.open(model);
          var arena = Arena.ofConfined()) {
        var target = arena.allocate(4L * model.shape().hidden());
        files.read(ModelVector.FINAL_NORM, 0, target);
        float[] read = target.toArray(ValueLayout.JAVA_FLOAT);
        for (int i = 0; i < expected.length; i++) {
          float rounded =
              type == ElementType.BF16
                  ? Float.intBitsToFloat(Float.floatToRawIntBits(expected[i]) & 0xffff0000)
                  : expected[i];
          assertEquals(rounded, read[i], type + " " + i);
        }
      }
    }
  }

  @Test
  void refusesRowsThatAreNotThere() throws Exception {
    try (var files = ModelFiles.open(ModelFolder.open(TINY_OPT));
        var arena = Arena.ofConfined()) {
      var target = arena.allocate(1 << 20);
      assertThrows(
          IllegalArgumentException.class, () -> files.bind(Weight.Q, 0, new Range(0, 129), target));
      assertThrows(
          IllegalArgumentException.class, () -> files.bind(Weight.GATE, 0, Range.upTo(0), target));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> files.bind(Weight.Q, 0, Range.upTo(128), target.asSlice(0, 100)));
    }
  }

  @Test
  void refusesAModelThePlanWasNotMadeFor() throws Exception {
    String fingerprint = ModelFolder.open(TINY_OPT).fingerprint();
    ModelFiles.open(TINY_OPT, fingerprint).close();

    var e =
        assertThrows(
            ModelFormatException.class,
            () -> ModelFiles.open(GOLDEN.resolve("opt-small"), fingerprint));

    assertTrue(e.getMessage().contains("not the model this plan was compiled for"), e.getMessage());
  }

  @Test
  void noticesAFileThatChangedItsSize() throws Exception {
    var path = copyOf("opt-small");
    var model = ModelFolder.open(path);
    truncate(path, 100_000);

    var e = assertThrows(ModelFormatException.class, () -> ModelFiles.open(model));

    assertTrue(e.getMessage().contains("has changed from"), e.getMessage());
  }

  @Test
  void namesTheTensorOfAReadThatEndsEarly() throws Exception {
    var path = copyOf("opt-small");
    try (var files = ModelFiles.open(ModelFolder.open(path));
        var arena = Arena.ofConfined()) {
      var reader = files.bind(Weight.DOWN, 2, Range.upTo(80), arena.allocate(80 * 320 * 2));
      truncate(path, 6000);

      var e = assertThrows(UncheckedIOException.class, reader::read);

      assertTrue(
          e.getMessage().contains("tensor model.decoder.layers.2.fc2.weight: the file ends"),
          e.getMessage());
    }
  }

  @Test
  void readsWithoutAllocating() throws Exception {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (var files = ModelFiles.open(ModelFolder.open(TINY_OPT));
        var arena = Arena.ofShared()) {
      var target = arena.allocate(512 * 256);
      var reader = files.bind(Weight.UP, 3, Range.upTo(512), target);
      readTimes(reader, 20_000);
      long before = threads.getCurrentThreadAllocatedBytes();
      readTimes(reader, 1000);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;

      assertTrue(allocated < 1000, "1000 reads allocated %d bytes".formatted(allocated));
    }
  }

  private static void readTimes(RowReader reader, int times) {
    for (int i = 0; i < times; i++) {
      reader.read();
    }
  }

  private Path copyOf(String golden) throws Exception {
    for (var name : new String[] {"config.json", "model.safetensors"}) {
      Files.write(folder.resolve(name), Files.readAllBytes(GOLDEN.resolve(golden).resolve(name)));
    }
    return folder;
  }

  private static void truncate(Path folder, long bytes) throws Exception {
    try (var channel =
        FileChannel.open(folder.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
      channel.truncate(bytes);
    }
  }

  /** Moves {@code model.norm.weight} to the end of the file, in another type. */
  private static void replaceFinalNorm(Path folder, ElementType type, float[] values)
      throws Exception {
    var tensor = ModelFolder.open(folder).tensor(ModelVector.FINAL_NORM, 0);
    byte[] old = Files.readAllBytes(tensor.file());
    int length = (int) ByteBuffer.wrap(old).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    int dataBytes = old.length - 8 - length;
    String header = new String(old, 8, length, "UTF-8");
    long begin = tensor.offset() - 8 - length;
    int bytes = 64 * type.bytes();
    String changed =
        header.replaceFirst(
            "(\"model.norm.weight\": *\\{\"dtype\": *)\"F32\"(.*?)\\[%d, *%d\\]"
                .formatted(begin, begin + tensor.bytes()),
            "$1\"%s\"$2[%d,%d]".formatted(type, dataBytes, dataBytes + bytes));
    assertTrue(!changed.equals(header), header);
    byte[] text = changed.getBytes("UTF-8");
    var file =
        ByteBuffer.allocate(8 + text.length + dataBytes + bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(text.length).put(text).put(old, 8 + length, dataBytes);
    for (int i = 0; i < values.length; i++) {
      switch (type) {
        case F32 -> file.putFloat(values[i]);
        case F16 -> file.putShort(Float.floatToFloat16(values[i]));
        case BF16 -> file.putShort((short) (Float.floatToRawIntBits(values[i]) >>> 16));
      }
    }
    Files.write(tensor.file(), file.array());
  }
}
