package dev.stowage.runtime.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.Footprint;
import dev.stowage.plan.model.Tensor;
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
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadingTest {
  private static final long SEED = 11;

  @TempDir Path folder;

  @Test
  void rowsOfSeveralFilesComeWholeWhateverTheirOrderAndLength() throws Exception {
    var random = new Random(SEED);
    byte[][] contents = {bytes(random, 20 << 20), bytes(random, 3 << 20)};
    try (var first = StoredFile.open(write("a", contents[0]));
        var second = StoredFile.open(write("b", contents[1]));
        var arena = Arena.ofShared()) {
      StoredFile[] files = {first, second};
      for (boolean past : new boolean[] {false, true}) {
        var loading = loading(past, arena);
        var expected = new LinkedHashMap<MemorySegment, byte[]>();
        for (int i = 0; i < 40; i++) {
          int file = random.nextInt(2);
          int from = random.nextInt(contents[file].length);
          int most = i < 20 ? 4096 : 6 << 20;
          int bytes = i == 0 ? contents[file].length : 1 + random.nextInt(most);
          bytes = Math.min(bytes, contents[file].length - from);
          var target = arena.allocate(bytes, 64);
          loading.add(span(files[file], from, bytes), target);
          expected.put(target, Arrays.copyOfRange(contents[file], from, from + bytes));
        }
        var all = arena.allocate(contents[0].length, 64);
        loading.add(span(first, 0, contents[0].length), all);
        expected.put(all, contents[0]);

        loading.start(3).await();

        expected.forEach(
            (target, bytes) ->
                assertArrayEquals(
                    bytes,
                    target.toArray(ValueLayout.JAVA_BYTE),
                    "seed %d, past the cache %b".formatted(SEED, past)));
      }
    }
  }

  @Test
  void rowsWithASumAreCheckedWhole() throws Exception {
    var content = bytes(new Random(SEED), 9 << 20);
    var crc = new CRC32C();
    crc.update(content, 5000, 7 << 20);
    int sum = (int) crc.getValue();
    var path = write("sums", content);
    try (var file = StoredFile.open(path);
        var arena = Arena.ofShared()) {
      for (boolean past : new boolean[] {false, true}) {
        var target = arena.allocate(7 << 20, 64);
        var right = loading(past, arena);
        right.add(span(file, 5000, 7 << 20, OptionalInt.of(sum)), target);
        right.start(2).await();
        assertArrayEquals(
            Arrays.copyOfRange(content, 5000, 5000 + (7 << 20)),
            target.toArray(ValueLayout.JAVA_BYTE),
            "seed %d, past the cache %b".formatted(SEED, past));

        var wrong = loading(past, arena);
        wrong.add(span(file, 5000, 7 << 20, OptionalInt.of(sum + 1)), target);
        try (var reading = wrong.start(2)) {
          var e = assertThrows(UncheckedIOException.class, reading::await);
          assertTrue(e.getMessage().contains(path + ": reading tensor rows: the file is damaged"));
        }
      }
    }
  }

  @Test
  void aFileThatEndsEarlyIsNamed() throws Exception {
    var path = write("cut", new byte[9 << 20]);
    try (var file = StoredFile.open(path);
        var arena = Arena.ofShared()) {
      for (boolean past : new boolean[] {false, true}) {
        var loading = loading(past, arena);
        loading.add(span(file, 0, 10 << 20), arena.allocate(10 << 20));
        try (var reading = loading.start(2)) {
          var e = assertThrows(UncheckedIOException.class, reading::await);
          assertTrue(
              e.getMessage().contains(path + ": reading tensor rows: the file ends"),
              e::getMessage);
        }
      }
    }
  }

  private static Loading loading(boolean pastCache, Arena arena) {
    return pastCache
        ? Loading.pastCache(arena.allocate(9 << 20, Footprint.PAGE_BYTES))
        : Loading.throughCache();
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
    return span(file, offset, bytes, OptionalInt.empty());
  }

  private static RowSpan span(StoredFile file, long offset, long bytes, OptionalInt sum) {
    var tensor = new Tensor("rows", file.path(), "F16", List.of(), offset, bytes);
    return new RowSpan(file, tensor, offset, bytes, sum);
  }
}
