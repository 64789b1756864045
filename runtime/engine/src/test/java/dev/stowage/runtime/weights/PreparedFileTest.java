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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
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

  private static final PreparedFile.Progress NOBODY = (made, all) -> {};

  @TempDir Path folder;
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void rowsComeBackAsTheyWereMade() throws Exception {
    try (var arena = Arena.ofConfined();
        var file = open(1)) {
      for (int layer = 0; layer < 2; layer++) {
        var target = arena.allocate(7 * 48);
        file.span(Weight.Q, layer, new Range(3, 10)).reader(target).read();
        for (int row = 3; row < 10; row++) {
          assertEquals(
              number(Weight.Q, layer, row),
              target.get(ValueLayout.JAVA_BYTE, (row - 3) * 48L + 47));
        }
      }
      var row = arena.allocate(64);
      file.table(Weight.TOKENS, new Range(5, 9), row).read(7 - 5);
      assertEquals(number(Weight.TOKENS, 0, 7), row.get(ValueLayout.JAVA_BYTE, 0));
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
      Files.write(only(), Arrays.copyOf(whole, length));
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
      var reader = file.span(Weight.Q, 0, new Range(3, 10)).reader(arena.allocate(7 * 48));
      var error = assertThrows(UncheckedIOException.class, reader::read);
      assertTrue(error.getMessage().contains("damaged; delete it"), error.getMessage());
      file.span(Weight.Q, 1, new Range(3, 10)).reader(arena.allocate(7 * 48)).read();
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
                },
                NOBODY));
    assertEquals(0, folder.toFile().list().length);
  }

  /** What lies in the folder whenever a row is made is what a kill at that moment leaves. */
  @Test
  void whoeverIsKilledWhileMakingTheFileGoesOnWithIt() throws Exception {
    open(1).close();
    var whole = Files.readAllBytes(only());
    int all = made.get();
    var left = new ArrayList<byte[]>();
    var elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    PreparedFile.open(
            elsewhere,
            key(1),
            SLABS,
            (slab, rows, target) -> {
              try {
                left.add(Files.readAllBytes(part(elsewhere)));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
              make(slab, rows, target);
            },
            NOBODY,
            1)
        .close();
    assertEquals(all, left.size());
    for (int kill = 0; kill < left.size(); kill++) {
      for (int torn : new int[] {0, 1, 300}) { // bytes that had not yet reached the disk
        var then = Files.createDirectory(folder.resolve("killed-" + kill + "-" + torn));
        var rest = left.get(kill);
        rest = Arrays.copyOf(rest, Math.max(0, rest.length - torn));
        Files.write(then.resolve(only().getFileName() + ".part"), rest);
        made.set(0);
        var heard = new ArrayList<Long>();
        PreparedFile.open(then, key(1), SLABS, this::make, (bytes, of) -> heard.add(of - bytes), 1)
            .close();
        var where = "killed before slab %d, %d bytes lost".formatted(kill, torn);
        assertTrue(made.get() >= all - kill && (torn > 0 || made.get() == all - kill), where);
        try (var files = Files.list(then)) {
          assertEquals(List.of(only().getFileName()), files.map(Path::getFileName).toList(), where);
        }
        assertArrayEquals(whole, Files.readAllBytes(then.resolve(only().getFileName())), where);
        assertEquals(heard.stream().sorted(Comparator.reverseOrder()).toList(), heard, where);
      }
    }
  }

  @Test
  void aPartOfAnotherKeyOrVersionIsNotGoneOnWith() throws Exception {
    open(1).close();
    var whole = Files.readAllBytes(only());
    var name = only().getFileName();
    for (int at : new int[] {0, 8, 12, 20}) {
      var part = whole.clone();
      part[at] ^= 1;
      Files.delete(folder.resolve(name));
      Files.write(folder.resolve(name + ".part"), part);
      made.set(0);
      open(1).close();
      assertEquals(SLABS.size(), made.get(), "byte " + at);
      assertArrayEquals(whole, Files.readAllBytes(only()), "byte " + at);
    }
  }

  private static Path part(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".part")).findFirst().orElseThrow();
    }
  }

  private PreparedFile open(int key) throws Exception {
    return PreparedFile.open(folder, key(key), SLABS, this::make, NOBODY);
  }

  private void make(PreparedFile.Slab slab, Range rows, MemorySegment target) {
    made.incrementAndGet();
    for (int row = rows.from(); row < rows.to(); row++) {
      target
          .asSlice((row - rows.from()) * slab.rowBytes(), slab.rowBytes())
          .fill(number(slab.weight(), slab.layer(), row));
    }
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
      return files.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
  }
}
