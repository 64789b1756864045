package dev.stowage.csd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.TokenGroups;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CsdKvStoreTest {
  @TempDir Path folder;

  static long[] seeds() {
    return new Random(2026).longs(60).toArray();
  }

  /** A model's cache, a box of it, and a drive that holds that box and little more. */
  @ParameterizedTest
  @MethodSource("seeds")
  void answersAsTheReferenceDoes(long seed) {
    var random = new Random(seed);
    int layers = 1 + random.nextInt(3);
    int slots = 1 + random.nextInt(4);
    int kvHeads = 1 + random.nextInt(3);
    int groupSize = new int[] {1, 3, 7}[random.nextInt(3)];
    int tokens = 1 + random.nextInt(90);
    int headDim = 1 + random.nextInt(40);
    int rowsPerPass = slots + random.nextInt(20);
    var region =
        new KvRegion(
            "part",
            within(random, layers),
            within(random, slots),
            within(random, kvHeads),
            within(random, tokens),
            "csd",
            "csd",
            Optional.empty());
    var type = ElementType.single().get(random.nextInt(3));
    int window = random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(tokens);
    var layout =
        new KvLayout(region, groupSize * kvHeads, kvHeads, headDim, type, window, rowsPerPass);
    var geometry = tight(random, layout);
    String where = "seed %d: %s on %s".formatted(seed, layout, geometry);

    long shared =
        2L * 4 * (headDim + 6) * groupSize * kvHeads * (1 + random.nextInt(2 * rowsPerPass));
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 30, shared + 512);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var reference = new ReferenceKv(layout, slots, layers);
      var pass = new Pass(layout, random);
      int[] lengths = new int[slots];
      for (int step = 0; step < 60; step++) {
        if (random.nextInt(6) == 0) {
          int slot = random.nextInt(slots);
          store.clear(slot);
          reference.clear(slot);
          lengths[slot] = 0;
        }
        pass.fill(lengths, tokens);
        for (int layer = 0; layer < layers; layer++) {
          boolean attendFirst = random.nextBoolean();
          if (!attendFirst) {
            reference.append(layer, pass.rows, pass.keys, pass.values);
            store.append(layer, pass.rows, pass.keys, pass.values);
          }
          pass.attend(store, layer);
          assertNull(
              reference.difference(layer, pass.rows, pass.queries, pass.partial), () -> where);
          if (attendFirst) {
            reference.append(layer, pass.rows, pass.keys, pass.values);
            store.append(layer, pass.rows, pass.keys, pass.values);
          }
        }
      }
    }
  }

  private static Range within(Random random, int size) {
    if (random.nextInt(3) == 0) {
      return Range.upTo(size);
    }
    int from = random.nextInt(size);
    return new Range(from, from + 1 + random.nextInt(size - from));
  }

  /** The smallest flash, of some shape, that takes the region: its collection has hard work. */
  private static FlashGeometry tight(Random random, KvLayout layout) {
    int pageBytes = 64 * (1 + random.nextInt(4));
    var region = layout.region();
    var groups = TokenGroups.of(layout.headDim() * layout.type().bytes(), pageBytes);
    int streams = region.sequences().size() * region.layers().size() * region.heads().size();
    int pages = 2 * streams * (region.tokens().size() / groups.tokens()) * groups.pages();
    int channels = 1 + random.nextInt(4);
    int dies = 1 + random.nextInt(2);
    int planes = 1 + random.nextInt(2);
    int perBlock = 1 + random.nextInt(5);
    int blocks = 3 + pages / (channels * dies * planes * perBlock);
    return new FlashGeometry(channels, dies, planes, blocks, perBlock, pageBytes);
  }

  @Test
  void onlyQueriesGoInAndPartialResultsComeOut() {
    var layout = layout(4, 2, 64, ElementType.F16, 8);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      int[] lengths = new int[1];
      for (int i = 0; i < 60; i++) {
        pass.fillSlot(0, 8, lengths);
        store.append(0, pass.rows, pass.keys, pass.values);
      }
      var stored = device.statistics();
      int keysAndValues = 2 * 2 * 64 * 2;
      assertEquals(60, stored.commands());
      assertEquals(60 * (64 + 8 * (8 + keysAndValues)), stored.bytesIn());
      assertEquals(60 * 16, stored.bytesOut());

      pass.fillSlot(0, 1, lengths);
      pass.attend(store, 0);
      var attended = device.statistics();
      assertEquals(64 + 16 + 4 * 4 * 64, attended.bytesIn() - stored.bytesIn());
      assertEquals(16 + 4 * 4 * 64 + 2 * 4 * 4, attended.bytesOut() - stored.bytesOut());
      assertEquals(480 / 32 * 2 * 2, attended.pagesRead() - stored.pagesRead());
      assertTrue(attended.simulatedAttendSeconds() > 0);
    }
  }

  @Test
  void aWindowReadsOnlyItsPages() {
    var region = region(512, 2);
    var layout = new KvLayout(region, 4, 2, 64, ElementType.F16, 40, 8);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      int[] lengths = new int[1];
      for (int i = 0; i < 40; i++) {
        pass.fillSlot(0, 8, lengths);
        store.append(0, pass.rows, pass.keys, pass.values);
      }
      long before = device.statistics().pagesRead();
      pass.fillSlot(0, 1, lengths);
      pass.attend(store, 0);
      // positions 281 to 319 lie in groups 8 and 9
      assertEquals(2 * 2 * 2, device.statistics().pagesRead() - before);
    }
  }

  @Test
  void ofAGroupOfSeveralPagesOnlyThoseOfTheWindowAreRead() {
    // rows of 48 bytes: four tokens in three pages of 64 bytes, the fourth in the last page alone
    var geometry = new FlashGeometry(2, 1, 1, 60, 8, 64);
    var layout = new KvLayout(region(512, 1), 1, 1, 12, ElementType.F32, 2, 8);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 20, 1 << 16);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      int[] lengths = new int[1];
      pass.fillSlot(0, 8, lengths);
      store.append(0, pass.rows, pass.keys, pass.values);
      pass.fillSlot(0, 1, lengths);
      pass.attend(store, 0);
      assertEquals(2, device.statistics().pagesRead());
    }
  }

  @Test
  void aRowsBitsDoNotDependOnItsCompany() {
    var layout = layout(6, 2, 19, ElementType.BF16, 8);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(6));
      int[] lengths = new int[1];
      for (int i = 0; i < 40; i++) {
        pass.fillSlot(0, 7, lengths);
        store.append(0, pass.rows, pass.keys, pass.values);
      }
      pass.rows.clear();
      for (int row = 0; row < 8; row++) {
        pass.rows.add(0, 280, 280 - 31 * row);
      }
      pass.attend(store, 0);
      byte[] together = pass.partial.o().toArray(ValueLayout.JAVA_BYTE);
      for (int row = 0; row < 8; row++) {
        long bytes = 4L * 6 * 19;
        MemorySegment.copy(pass.queries, row * bytes, pass.queries, 0, bytes);
        pass.rows.clear();
        pass.rows.add(0, 280, 280 - 31 * row);
        pass.attend(store, 0);
        byte[] alone = pass.partial.o().asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
        assertArrayEquals(
            Arrays.copyOfRange(together, (int) (row * bytes), (int) ((row + 1) * bytes)),
            alone,
            "row " + row);
      }
    }
  }

  @Test
  void tokensThatFillNoPageStayInDram() {
    var layout = layout(4, 2, 64, ElementType.F16, 8);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      int[] lengths = new int[1];
      pass.fillSlot(0, 7, lengths);
      store.append(0, pass.rows, pass.keys, pass.values);
      assertEquals(7 * 2 * 2 * 128, device.statistics().tailBytes());
      assertEquals(0, device.statistics().pagesProgrammed());
      for (int i = 0; i < 5; i++) {
        pass.fillSlot(0, 5, lengths);
        store.append(0, pass.rows, pass.keys, pass.values);
      }
      assertEquals(0, device.statistics().tailBytes());
      assertEquals(4, device.statistics().pagesProgrammed());
      store.clear(0);
      assertEquals(0, device.statistics().pagesValid());
    }
  }

  @Test
  void refillsWithoutEndFitTheDrive() {
    var layout = layout(2, 2, 16, ElementType.F16, 8);
    var groups = TokenGroups.of(32, 512);
    int pages = 2 * 2 * (512 / groups.tokens());
    var geometry = new FlashGeometry(2, 1, 1, 2 + pages / 16, 8, 512);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 20, 1 << 16);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var reference = new ReferenceKv(layout, 1, 1);
      var pass = new Pass(layout, new Random(4));
      for (int refill = 0; refill < 20; refill++) {
        int[] lengths = new int[1];
        store.clear(0);
        reference.clear(0);
        while (lengths[0] < 512) {
          pass.fillSlot(0, 8, lengths);
          reference.append(0, pass.rows, pass.keys, pass.values);
          store.append(0, pass.rows, pass.keys, pass.values);
        }
        pass.attend(store, 0);
        assertNull(reference.difference(0, pass.rows, pass.queries, pass.partial), "seed 4");
      }
      assertEquals(
          20L * pages, device.statistics().pagesProgrammed() - device.statistics().pagesMoved());
      assertTrue(device.statistics().blocksErased() > 0);
    }
  }

  @Test
  void aDamagedPageIsOneClearError() throws IOException {
    var layout = layout(4, 2, 64, ElementType.F16, 8);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      int[] lengths = new int[1];
      for (int i = 0; i < 8; i++) {
        pass.fillSlot(0, 8, lengths);
        store.append(0, pass.rows, pass.keys, pass.values);
      }
      long size = folder.resolve("csd.flash").toFile().length();
      try (var raw = new RandomAccessFile(folder.resolve("csd.flash").toFile(), "rw")) {
        raw.seek(size - 100);
        int value = raw.read();
        raw.seek(size - 100);
        raw.write(~value);
      }
      var damaged = assertThrows(DeviceException.class, () -> pass.attend(store, 0));
      assertTrue(
          damaged
              .getMessage()
              .matches(
                  "csd: attend over KV region kv: the flash failed: page \\d+ of .*csd.flash is damaged.*"),
          damaged.getMessage());
    }
  }

  @Test
  void theSteadyStateAllocatesNothing() {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    var layout = layout(6, 2, 16, ElementType.F16, 4);
    try (var device = device(1 << 30);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(3));
      int[] lengths = new int[1];
      for (int i = 0; i < 2000; i++) {
        step(store, pass, lengths);
      }
      long drive =
          Thread.getAllStackTraces().keySet().stream()
              .filter(thread -> thread.getName().equals("stowage-csd-csd"))
              .findFirst()
              .orElseThrow()
              .threadId();
      long allocated = -1;
      for (int round = 0; round < 40 && allocated != 0; round++) {
        long before = threads.getThreadAllocatedBytes(drive);
        long hostBefore = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1000; i++) {
          step(store, pass, lengths);
        }
        long host = threads.getCurrentThreadAllocatedBytes() - hostBefore;
        allocated = host + threads.getThreadAllocatedBytes(drive) - before;
      }
      assertEquals(0, allocated, "bytes of 1000 steps, however long the compiler took before");
    }
  }

  private static void step(KvStore store, Pass pass, int[] lengths) {
    if (lengths[0] == 512) {
      store.clear(0);
      lengths[0] = 0;
    }
    pass.fillSlotAgain(0, 4, lengths);
    store.append(0, pass.rows, pass.keys, pass.values);
    store.attend(0, pass.rows, pass.queries, pass.partial);
  }

  private CsdDevice device(long capacity) {
    return CsdDevice.emulated(spec(capacity), folder);
  }

  private static DeviceSpec spec(long capacity) {
    return new DeviceSpec("csd", DeviceKind.CSD, capacity, 0, Optional.of("."), true, Map.of());
  }

  private static KvLayout layout(int heads, int kvHeads, int headDim, ElementType type, int rows) {
    return new KvLayout(
        region(512, kvHeads), heads, kvHeads, headDim, type, Integer.MAX_VALUE, rows);
  }

  private static KvRegion region(int tokens, int kvHeads) {
    return new KvRegion(
        "kv",
        Range.upTo(1),
        Range.upTo(1),
        Range.upTo(kvHeads),
        Range.upTo(tokens),
        "csd",
        "csd",
        Optional.empty());
  }

  /** The rows of a pass with random keys, values and queries. */
  private static final class Pass {
    private final Random random;
    private final int capacity;
    final Rows rows;
    final MemorySegment keys;
    final MemorySegment values;
    final MemorySegment queries;
    final Partial partial;

    Pass(KvLayout layout, Random random) {
      this.random = random;
      capacity = layout.rowsPerPass();
      rows = new Rows(capacity);
      keys = floats(capacity * layout.kvHeads() * layout.headDim());
      values = floats(capacity * layout.kvHeads() * layout.headDim());
      queries = floats(capacity * layout.heads() * layout.headDim());
      partial =
          new Partial(
              floats(capacity * layout.heads() * layout.headDim()),
              floats(2 * capacity * layout.heads()));
      randomize(keys);
      randomize(values);
      randomize(queries);
    }

    private static MemorySegment floats(int count) {
      return Arena.ofAuto().allocate(4L * count, 64);
    }

    private void randomize(MemorySegment numbers) {
      for (long at = 0; at < numbers.byteSize(); at += 4) {
        numbers.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
      }
    }

    /** Some new tokens of some slots, that many as fit. */
    void fill(int[] lengths, int mostTokens) {
      rows.clear();
      for (int slot = 0; slot < lengths.length; slot++) {
        int most = Math.min(capacity - rows.count(), mostTokens - lengths[slot]);
        int count = Math.min(most, random.nextInt(12));
        add(slot, count, lengths);
      }
      randomize(keys);
      randomize(values);
      randomize(queries);
    }

    void fillSlot(int slot, int count, int[] lengths) {
      fillSlotAgain(slot, count, lengths);
      randomize(keys);
      randomize(values);
      randomize(queries);
    }

    void fillSlotAgain(int slot, int count, int[] lengths) {
      rows.clear();
      add(slot, count, lengths);
    }

    private void add(int slot, int count, int[] lengths) {
      int start = lengths[slot];
      for (int i = 0; i < count; i++) {
        rows.add(slot, start + i, start);
      }
      lengths[slot] += count;
    }

    /** Attends into a result full of rubbish, so that what is not written shows. */
    void attend(KvStore store, int layer) {
      partial.o().fill((byte) 0x7F);
      partial.state().fill((byte) 0x7F);
      store.attend(layer, rows, queries, partial);
    }
  }
}
