package dev.stowage.runtime.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreparedFileTest {
  private static final List<PreparedFile.Slab> SLABS =
      List.of(
          new PreparedFile.Slab(Weight.Q, 0, new Range(3, 10), ElementType.INT4, 48),
          new PreparedFile.Slab(Weight.Q, 1, new Range(3, 10), ElementType.INT4, 48),
          new PreparedFile.Slab(Weight.TOKENS, 0, new Range(5, 9), ElementType.INT8, 64));

  @TempDir Path folder;
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void rowsComeBackAsTheyWereMade() throws Exception {
    try (var arena = Arena.ofConfined();
        var file = open(1)) {
      for (int layer = 0; layer < 2; layer++) {
        var target = arena.allocate(7 * 48);
        file.bind(Weight.Q, layer, new Range(3, 10), target).read();
        for (int row = 3; row < 10; row++) {
          assertEquals(
              number(Weight.Q, layer, row),
              target.get(ValueLayout.JAVA_BYTE, (row - 3) * 48L + 47));
        }
      }
      var row = arena.allocate(64);
      file.table(Weight.TOKENS, new Range(5, 9), row).read(7 - 5);
      assertEquals(number(Weight.TOKENS, 0, 7), row.get(ValueLayout.JAVA_BYTE, 0));
      assertEquals(file.bytes(), Files.size(only()));
    }
  }

  @Test
  void theFileIsMadeOnceForOneKey() throws Exception {
    open(1).close();
    int first = made.get();
    assertTrue(first > 0);
    open(1).close();
    assertEquals(first, made.get());
    open(2).close();
    assertEquals(2 * first, made.get());
  }

  @Test
  void aFileThatIsNotWholeIsMadeAgain() throws Exception {
    open(1).close();
    var whole = Files.readAllBytes(only());
    for (int length : new int[] {0, 7, 60, whole.length - 1}) {
      Files.write(only(), java.util.Arrays.copyOf(whole, length));
      open(1).close();
      assertArrayEquals(whole, Files.readAllBytes(only()), "cut to " + length);
    }
    for (int at : new int[] {0, 9, 13, 20, 50, 60}) {
      var damaged = whole.clone();
      damaged[at] ^= 1;
      Files.write(only(), damaged);
      open(1).close();
      assertArrayEquals(whole, Files.readAllBytes(only()), "byte " + at);
    }
  }

  @Test
  void damagedRowsAreFoundWhenTheyAreFirstRead() throws Exception {
    open(1).close();
    var bytes = Files.readAllBytes(only());
    bytes[4096 + 100] ^= 1;
    Files.write(only(), bytes);
    try (var arena = Arena.ofConfined();
        var file = open(1)) {
      var reader = file.bind(Weight.Q, 0, new Range(3, 10), arena.allocate(7 * 48));
      var error = assertThrows(UncheckedIOException.class, reader::read);
      assertTrue(error.getMessage().contains("damaged; delete it"), error.getMessage());
      file.bind(Weight.Q, 1, new Range(3, 10), arena.allocate(7 * 48)).read();
    }
  }

  @Test
  void nothingIsLeftBehindWhenMakingFails() {
    assertThrows(
        IllegalStateException.class,
        () ->
            PreparedFile.open(
                folder,
                key(1),
                SLABS,
                (slab, rows, target) -> {
                  throw new IllegalStateException("no");
                }));
    assertEquals(0, folder.toFile().list().length);
  }

  private PreparedFile open(int key) throws Exception {
    return PreparedFile.open(
        folder,
        key(key),
        SLABS,
        (slab, rows, target) -> {
          made.incrementAndGet();
          for (int row = rows.from(); row < rows.to(); row++) {
            MemorySegment at =
                target.asSlice((row - rows.from()) * slab.rowBytes(), slab.rowBytes());
            at.fill(number(slab.weight(), slab.layer(), row));
          }
        });
  }

  private static byte number(Weight weight, int layer, int row) {
    return (byte) (31 * weight.ordinal() + 7 * layer + row);
  }

  private static byte[] key(int number) {
    var key = new byte[32];
    key[0] = (byte) number;
    return key;
  }

  private Path only() throws IOException {
    try (var files = Files.list(folder)) {
      return files.sorted().findFirst().orElseThrow();
    }
  }
}
