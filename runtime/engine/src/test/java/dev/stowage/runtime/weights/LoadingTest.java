package dev.stowage.runtime.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.model.Tensor;
import dev.stowage.runtime.parallel.WorkerPool;
import dev.stowage.runtime.storage.StoredFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadingTest {
  private static final long SEED = 11;

  @TempDir Path folder;

  @Test
  void rowsOfSeveralFilesComeWholeWhateverTheirOrderAndLength() throws Exception {
    var random = new Random(SEED);
    byte[][] contents = {bytes(random, 20 << 20), bytes(random, 3 << 20)};
    try (var pool = new WorkerPool(3);
        var first = StoredFile.open(write("a", contents[0]));
        var second = StoredFile.open(write("b", contents[1]));
        var arena = Arena.ofShared()) {
      StoredFile[] files = {first, second};
      var loading = new Loading();
      var expected = new LinkedHashMap<MemorySegment, byte[]>();
      for (int i = 0; i < 20; i++) {
        int file = random.nextInt(2);
        int from = random.nextInt(contents[file].length);
        int bytes = i == 0 ? contents[file].length - from : 1 + random.nextInt(4096);
        bytes = Math.min(bytes, contents[file].length - from);
        var target = arena.allocate(bytes, 64);
        loading.add(span(files[file], from, bytes), target);
        expected.put(target, Arrays.copyOfRange(contents[file], from, from + bytes));
      }
      var all = arena.allocate(contents[0].length, 64);
      loading.add(span(first, 0, contents[0].length), all);
      expected.put(all, contents[0]);

      loading.run(pool);

      expected.forEach(
          (target, bytes) ->
              assertArrayEquals(bytes, target.toArray(ValueLayout.JAVA_BYTE), "seed " + SEED));
    }
  }

  @Test
  void aFileThatEndsEarlyIsNamed() throws Exception {
    var path = write("cut", new byte[9 << 20]);
    try (var pool = new WorkerPool(2);
        var file = StoredFile.open(path);
        var arena = Arena.ofShared()) {
      var loading = new Loading();
      loading.add(span(file, 0, 10 << 20), arena.allocate(10 << 20));
      var e = assertThrows(UncheckedIOException.class, () -> loading.run(pool));
      assertTrue(
          e.getMessage().contains(path + ": reading tensor rows: the file ends"), e::getMessage);
    }
  }

  private Path write(String name, byte[] content) throws Exception {
    return Files.write(folder.resolve(name), content);
  }

  private static byte[] bytes(Random random, int count) {
    var bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  private static RowSpan span(StoredFile file, long offset, long bytes) {
    var tensor = new Tensor("rows", file.path(), "F16", List.of(), offset, bytes);
    return new RowSpan(file, tensor, offset, bytes, OptionalInt.empty());
  }
}
