package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.Footprint;
import dev.stowage.plan.model.Tensor;
import dev.stowage.runtime.storage.StoredFile;
import dev.stowage.runtime.weights.RowSpan;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The ring holds what the sequence says, in its order, over any number of sweeps. */
@Timeout(120)
class WeightStreamTest {
  private static final int FILE_BYTES = 12 << 20;
  private static final long SEED = 5;
  private static final Recorder.Work WORK = new Recorder.Work("load", "layer 0", 0);

  @TempDir Path folder;
  private final Random random = new Random(SEED);

  @Test
  void everySlotHoldsItsEntryUntilItIsReleased() throws Exception {
    var content = content();
    var whole = MemorySegment.ofArray(content);
    for (int slots = 1; slots <= 3; slots++) {
      try (var arena = Arena.ofShared();
          var file = StoredFile.open(folder.resolve("weights"))) {
        var entries = new ArrayList<List<RowSpan>>();
        for (int entry = 0; entry < 4; entry++) {
          var spans = new ArrayList<RowSpan>();
          for (int i = 0; i <= entry; i++) {
            int bytes = i % 2 == 0 ? 300_000 + random.nextInt(5 << 20) : 1 + random.nextInt(9000);
            spans.add(span(file, content, random.nextInt(FILE_BYTES - bytes), bytes));
          }
          entries.add(spans);
        }
        var ring = new Ring(arena, entries, slots);
        try (var stream = new WeightStream(ring.loads)) {
          stream.start();
          for (int i = 0; i < 11; i++) {
            int slot = stream.acquire();
            assertEquals(i % slots, slot);
            boolean freed = random.nextBoolean();
            for (int load = 0; load < entries.get(i % 4).size(); load++) {
              stream.await(load);
              var span = entries.get(i % 4).get(load);
              assertEquals(
                  -1,
                  whole.asSlice(span.offset(), span.bytes()).mismatch(ring.rows(slot, i % 4, load)),
                  "seed %d, %d slots, entry %d, load %d".formatted(SEED, slots, i, load));
              if (freed) {
                stream.free(load);
              }
            }
            stream.release();
          }
          assertTrue(stream.bytes() > 0);
        }
      }
    }
  }

  @Test
  void roomThatAStopIsDoneWithIsFilledBeforeTheStopEnds() throws Exception {
    var content = content();
    try (var arena = Arena.ofShared();
        var file = StoredFile.open(folder.resolve("weights"))) {
      var entry =
          List.of(
              span(file, content, 0, 1 << 20),
              span(file, content, 2 << 20, 1 << 20),
              span(file, content, 4 << 20, 1 << 20));
      var ring = new Ring(arena, List.of(entry, entry, entry), 2);
      long load =
          ring.loads.getFirst().getFirst().getFirst().load().requests().stream()
              .mapToLong(request -> request.bytes())
              .sum();
      try (var stream = new WeightStream(ring.loads)) {
        stream.start();
        stream.acquire();
        stream.await(2);
        while (stream.bytes() < 6 * load) {
          Thread.onSpinWait(); // both slots are full
        }
        stream.await(0);
        stream.free(0);
        while (stream.bytes() < 7 * load) {
          Thread.onSpinWait(); // the first load of the third entry
        }
        stream.free(1);
        while (stream.bytes() < 8 * load) {
          Thread.onSpinWait();
        }
        assertEquals(
            -1,
            MemorySegment.ofArray(content).asSlice(4 << 20, 1 << 20).mismatch(ring.rows(0, 0, 2)),
            "what is still in use");
        stream.release();
        assertEquals(1, stream.acquire());
      }
    }
  }

  /** It would never end: only who waits for the room is woken. */
  @Test
  void noReaderSleepsOnWhenItsRoomIsFree() throws Exception {
    var content = content();
    try (var arena = Arena.ofShared();
        var file = StoredFile.open(folder.resolve("weights"))) {
      var entry =
          List.of(
              span(file, content, 0, 64),
              span(file, content, 4096, 900),
              span(file, content, 9000, 3));
      for (int slots = 1; slots <= 3; slots++) {
        var ring = new Ring(arena, List.of(entry, entry), slots);
        try (var stream = new WeightStream(ring.loads)) {
          stream.start();
          for (int i = 0; i < 20_000; i++) {
            stream.acquire();
            for (int load = 0; load < entry.size(); load++) {
              stream.await(load);
              if (random.nextBoolean()) {
                stream.free(load);
              }
            }
            stream.release();
          }
        }
      }
    }
  }

  @Test
  void withOneSlotAStopIsLoadedWholeBeforeItBeginsAndKeptWholeUntilItEnds() throws Exception {
    var content = content();
    try (var arena = Arena.ofShared();
        var file = StoredFile.open(folder.resolve("weights"))) {
      var entry = List.of(span(file, content, 0, 1 << 20), span(file, content, 2 << 20, 1 << 20));
      var ring = new Ring(arena, List.of(entry), 1);
      try (var stream = new WeightStream(ring.loads)) {
        stream.start();
        for (int i = 0; i < 5; i++) {
          stream.acquire();
          long whole = stream.bytes();
          stream.free(0);
          stream.free(1);
          assertEquals(whole, stream.bytes());
          stream.release();
        }
      }
    }
  }

  @Test
  void aFileThatIsCutOffEndsTheWaitWithOneErrorAndNothingIsLeft() throws Exception {
    var content = content();
    try (var arena = Arena.ofShared();
        var file = StoredFile.open(folder.resolve("weights"))) {
      var entries =
          List.of(
              List.of(span(file, content, 100, 1 << 20)),
              List.of(span(file, content, 9 << 20, 1 << 20)));
      var ring = new Ring(arena, entries, 1);
      try (var stream = new WeightStream(ring.loads)) {
        try (var channel = FileChannel.open(folder.resolve("weights"), StandardOpenOption.WRITE)) {
          channel.truncate(2 << 20);
        }
        stream.start();
        stream.acquire();
        stream.release();
        var error = assertThrows(UncheckedIOException.class, stream::acquire);
        assertTrue(
            error
                .getMessage()
                .endsWith("reading tensor w: the file ends at byte 2097152 of 10485760"),
            error.getMessage());
        assertSame(error, assertThrows(UncheckedIOException.class, stream::acquire));
      }
      assertFalse(
          Thread.getAllStackTraces().keySet().stream()
              .anyMatch(thread -> thread.getName().startsWith("stowage-read")));
    }
  }

  @Test
  void rowsThatAreNotWhatWasStoredAreRefused() throws Exception {
    var content = content();
    try (var arena = Arena.ofShared();
        var file = StoredFile.open(folder.resolve("weights"))) {
      var right = span(file, content, 4096, 1 << 20);
      var wrong =
          new RowSpan(
              file,
              right.tensor(),
              right.offset(),
              right.bytes(),
              OptionalInt.of(~right.sum().getAsInt()));
      try (var stream = new WeightStream(new Ring(arena, List.of(List.of(wrong)), 2).loads)) {
        stream.start();
        stream.acquire();
        var error = assertThrows(UncheckedIOException.class, () -> stream.await(0));
        assertTrue(error.getMessage().contains("damaged; delete it"), error.getMessage());
      }
    }
  }

  /** Room in memory for every slot, and the loads that fill it. */
  private static final class Ring {
    final Recorder.Lane read = new Recorder().lane("read(ssd)");
    final List<List<List<WeightStream.Heard>>> loads = new ArrayList<>();
    final List<List<List<MemorySegment>>> rows = new ArrayList<>();

    Ring(Arena arena, List<List<RowSpan>> entries, int slots) {
      long most =
          entries.stream()
              .mapToLong(
                  spans ->
                      spans.stream()
                          .mapToLong(span -> Footprint.wholePages(span.roomBytes()))
                          .sum())
              .max()
              .orElseThrow();
      for (int slot = 0; slot < slots; slot++) {
        var room = arena.allocate(most, Footprint.PAGE_BYTES);
        var slotLoads = new ArrayList<List<WeightStream.Heard>>();
        var slotRows = new ArrayList<List<MemorySegment>>();
        for (var spans : entries) {
          var entryLoads = new ArrayList<WeightStream.Heard>();
          var entryRows = new ArrayList<MemorySegment>();
          long at = 0;
          for (var span : spans) {
            var load = span.load(room.asSlice(at));
            long from = at;
            at += Footprint.wholePages(span.roomBytes());
            entryLoads.add(
                new WeightStream.Heard(
                    load, read.reading(WORK, span.bytes(), load.requests().size()), from, at));
            entryRows.add(room.asSlice(from + span.shift(), span.bytes()));
          }
          slotLoads.add(entryLoads);
          slotRows.add(entryRows);
        }
        loads.add(slotLoads);
        rows.add(slotRows);
      }
    }

    MemorySegment rows(int slot, int entry, int load) {
      return rows.get(slot).get(entry).get(load);
    }
  }

  private byte[] content() throws Exception {
    var content = new byte[FILE_BYTES];
    random.nextBytes(content);
    Files.write(folder.resolve("weights"), content);
    return content;
  }

  private static RowSpan span(StoredFile file, byte[] content, int offset, int bytes) {
    var crc = new CRC32C();
    crc.update(content, offset, bytes);
    var tensor = new Tensor("w", file.path(), "F16", List.of(), offset, bytes);
    return new RowSpan(file, tensor, offset, bytes, OptionalInt.of((int) crc.getValue()));
  }
}
