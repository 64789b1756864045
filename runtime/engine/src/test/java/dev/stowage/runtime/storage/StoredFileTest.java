package dev.stowage.runtime.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.plan.Footprint;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredFileTest {
  private static final long SEED = 11;
  private static final int BYTES = 9_000_001; // more than two requests, and no whole pages

  @TempDir Path folder;
  private final Random random = new Random(SEED);

  @Test
  void anyRangeComesWholeWhereverItBegins() throws Exception {
    var path = file();
    try (var direct = StoredFile.open(path);
        var buffered = StoredFile.openBuffered(path, StandardOpenOption.READ);
        var arena = Arena.ofConfined()) {
      assertFalse(buffered.isDirect());
      var content = Files.readAllBytes(path);
      for (int round = 0; round < 40; round++) {
        int from = round == 0 ? 0 : random.nextInt(BYTES);
        int to = round == 1 ? BYTES : from + 1 + random.nextInt(BYTES - from);
        for (var file : new StoredFile[] {direct, buffered}) {
          var room = arena.allocate(Footprint.spanBytes(to - from), Footprint.PAGE_BYTES);
          long bytes = 0;
          for (var chunk : file.chunks("all", from, to - from, room)) {
            chunk.read();
            chunk.read();
            bytes += chunk.bytes();
          }
          assertArrayEquals(
              Arrays.copyOfRange(content, from, to),
              room.asSlice(StoredFile.shift(from), to - from).toArray(ValueLayout.JAVA_BYTE),
              "seed %d, round %d: %d..%d, direct %b"
                  .formatted(SEED, round, from, to, file.isDirect()));
          assertEquals(to - from + StoredFile.shift(from), bytes);
        }
      }
    }
  }

  /** Which way is faster is the disk's affair; what is read is the same whichever it is. */
  @Test
  void aTrialLeavesFilesThatReadTheSame() throws Exception {
    var path = file();
    var content = Files.readAllBytes(path);
    try (var file = StoredFile.open(path);
        var arena = Arena.ofShared()) {
      var room = arena.allocate(Footprint.spanBytes(BYTES), Footprint.PAGE_BYTES);
      var chunks = file.chunks("all", 0, BYTES, room);
      var pieces = new ArrayList<Chunk>();
      for (int at = 0; at < BYTES; at += 1 << 20) {
        pieces.addAll(file.chunks("piece", at, Math.min(1 << 20, BYTES - at), room.asSlice(at)));
      }
      var trial = ReadTrial.run(pieces, 1 << 20, 2);
      assumeTrue(trial.isPresent(), "there are two ways");
      assertTrue(trial.get().directBytesPerSecond() > 0, trial.toString());
      assertTrue(trial.get().bufferedBytesPerSecond() > 0, trial.toString());
      for (boolean through : new boolean[] {trial.get().direct(), !trial.get().direct()}) {
        room.fill((byte) 0);
        assertTrue(file.readThroughCache(through));
        chunks.forEach(Chunk::read);
        assertArrayEquals(content, room.asSlice(0, BYTES).toArray(ValueLayout.JAVA_BYTE));
      }
    }
  }

  /** Reading past the cache is the rule: what is to replace it is tried to the end. */
  @Test
  void aTrialEndsEarlyOnlyWherePastTheCacheIsPlainlyFaster() {
    assertTrue(ReadTrial.plain(new long[] {100, 100}, new double[] {2.1, 1}));
    assertFalse(ReadTrial.plain(new long[] {100, 100}, new double[] {1.9, 1}));
    assertFalse(ReadTrial.plain(new long[] {100, 100}, new double[] {1, 2.1}));
    assertFalse(ReadTrial.plain(new long[] {0, 100}, new double[] {0, 1}), "half of it");
    assertFalse(ReadTrial.plain(new long[2], new double[2]), "nothing yet");
  }

  @Test
  void thereIsNoTrialWhereDirectReadsAreRefused() throws Exception {
    try (var file = StoredFile.openBuffered(file(), StandardOpenOption.READ);
        var arena = Arena.ofShared()) {
      var room = arena.allocate(Footprint.spanBytes(BYTES), Footprint.PAGE_BYTES);
      assertTrue(ReadTrial.run(file.chunks("all", 0, BYTES, room), BYTES, 2).isEmpty());
      assertFalse(file.readThroughCache(false), "there is no other way than through it");
    }
  }

  @Test
  void aFileThatIsCutOffWhileItIsReadIsNamedWithWhereItEnds() throws Exception {
    var path = file();
    for (var file :
        new StoredFile[] {
          StoredFile.open(path), StoredFile.openBuffered(path, StandardOpenOption.READ)
        }) {
      for (int length : new int[] {8_500_000, 5 * Footprint.PAGE_BYTES, 77, 0}) {
        truncate(path, length);
        try (var arena = Arena.ofConfined()) {
          var chunk =
              file.chunks(
                      "tensor q",
                      8_499_000,
                      2000,
                      arena.allocate(Footprint.spanBytes(2000), Footprint.PAGE_BYTES))
                  .getFirst();
          var error = assertThrows(UncheckedIOException.class, chunk::read);
          assertEquals(
              path + ": reading tensor q: the file ends at byte " + length + " of 8501000",
              error.getMessage());
        }
      }
      file.close();
      write(path);
    }
  }

  @Test
  void aClosedFileIsAnErrorOfOneLine() throws Exception {
    var file = StoredFile.open(file());
    try (var arena = Arena.ofConfined()) {
      var chunk =
          file.chunks("tensor q", 0, 4096, arena.allocate(4096, Footprint.PAGE_BYTES)).getFirst();
      file.close();
      var error = assertThrows(UncheckedIOException.class, chunk::read);
      assertTrue(error.getMessage().contains("ClosedChannelException"), error.getMessage());
    }
  }

  @Test
  void whatIsWrittenInPagesIsReadBack() throws Exception {
    var path = folder.resolve("new");
    try (var file = StoredFile.openForWriting(path);
        var arena = Arena.ofConfined()) {
      var pages = arena.allocate(3 * Footprint.PAGE_BYTES, Footprint.PAGE_BYTES);
      pages.fill((byte) 5);
      file.writePages(pages.asByteBuffer(), Footprint.PAGE_BYTES);
      file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 10);
      file.truncate(3 * Footprint.PAGE_BYTES + 7);
      file.force();
    }
    var content = Files.readAllBytes(path);
    assertEquals(3 * Footprint.PAGE_BYTES + 7, content.length);
    assertArrayEquals(new byte[] {0, 1, 2, 3, 0}, Arrays.copyOfRange(content, 9, 14));
    assertEquals(0, content[Footprint.PAGE_BYTES - 1]);
    assertEquals(5, content[Footprint.PAGE_BYTES]);
    assertEquals(5, content[3 * Footprint.PAGE_BYTES + 6]);
  }

  @Test
  void refusesMemoryThatBeginsWithinAPageAndFilesThatAreNotThere() throws Exception {
    assertThrows(NoSuchFileException.class, () -> StoredFile.open(folder.resolve("none")));
    try (var file = StoredFile.open(file());
        var arena = Arena.ofConfined()) {
      MemorySegment within = arena.allocate(8192, Footprint.PAGE_BYTES).asSlice(64);
      assertThrows(IllegalArgumentException.class, () -> file.chunks("all", 0, 4096, within));
    }
  }

  private Path file() throws Exception {
    return write(folder.resolve("file"));
  }

  private Path write(Path path) throws Exception {
    var content = new byte[BYTES];
    random.nextBytes(content);
    return Files.write(path, content);
  }

  private static void truncate(Path path, long bytes) throws Exception {
    try (var channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.truncate(bytes);
    }
  }
}
