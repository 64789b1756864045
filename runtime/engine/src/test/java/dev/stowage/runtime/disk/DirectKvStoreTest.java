package dev.stowage.runtime.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.host.HostDeviceProvider;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Keys and values on a disk answer, to the bit, as those in memory. */
class DirectKvStoreTest {
  @TempDir Path folder;
  private final Kernels kernels = new ReferenceKernels();

  static long[] seeds() {
    return new Random(2026).longs(10).toArray();
  }

  /** Sequences of any length in any chunks, hints that come true and hints that do not. */
  @ParameterizedTest
  @MethodSource("seeds")
  void answersAsMemoryDoes(long seed) throws Exception {
    var random = new Random(seed);
    int layers = 1 + random.nextInt(2);
    int slots = 1 + random.nextInt(4);
    int kvHeads = 1 + random.nextInt(3);
    int tokens = 1 + random.nextInt(200);
    var type =
        new ElementType[] {ElementType.F16, ElementType.F32, ElementType.INT8}[random.nextInt(3)];
    int headDim = type.quantized() ? 64 : 1 + random.nextInt(40);
    int window = random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(tokens);
    var layout =
        new KvLayout(
            region(
                within(random, layers),
                within(random, slots),
                within(random, kvHeads),
                within(random, tokens)),
            2 * kvHeads,
            kvHeads,
            headDim,
            type,
            window,
            64);
    var where = "seed %d: %s".formatted(seed, layout);
    try (var arena = Arena.ofShared();
        var host =
            new HostDeviceProvider()
                .open(spec(DeviceKind.HOST), new DeviceContext(folder, kernels));
        var store = open(layout, arena)) {
      var memory = host.openKv(layout, MemorySegment.NULL);
      var pass = new Pass(layout, random, arena);
      var lengths = new int[slots];
      for (int step = 0; step < 20; step++) {
        if (random.nextInt(5) == 0) {
          int slot = random.nextInt(slots);
          lengths[slot] = 0;
          store.clear(slot);
          memory.clear(slot);
        }
        pass.fill(lengths, tokens);
        var range = layout.region().layers();
        for (int layer = range.from(); layer < range.to(); layer++) {
          if (random.nextBoolean()) {
            store.expect(layer, pass.rows);
          }
          boolean attendFirst = random.nextBoolean();
          for (int turn = 0; turn < 2; turn++) {
            if (attendFirst == (turn == 0)) {
              pass.attend(memory, layer, pass.expected);
              pass.attend(store, layer, pass.actual);
              pass.assertSame(where + ", step " + step);
            } else {
              memory.append(layer, pass.rows, pass.keys, pass.values);
              store.append(layer, pass.rows, pass.keys, pass.values);
            }
            if (random.nextInt(4) == 0) {
              store.expect(layer, pass.rows);
            }
          }
        }
      }
    }
    try (var files = Files.list(folder)) {
      assertEquals(0, files.count(), where);
    }
  }

  @Test
  void aFileThatLosesItsEndIsOneErrorOfTheDevice() throws Exception {
    var layout = wide();
    try (var arena = Arena.ofShared();
        var store = open(layout, arena)) {
      var pass = new Pass(layout, new Random(1), arena);
      var lengths = new int[1];
      pass.fill(lengths, 4096, 64);
      store.append(0, pass.rows, pass.keys, pass.values);
      pass.fill(lengths, 4096, 1);
      pass.attend(store, 0, pass.actual);
      try (var channel = FileChannel.open(only(), StandardOpenOption.WRITE)) {
        channel.truncate(4096);
      }
      var error = assertThrows(DeviceException.class, () -> pass.attend(store, 0, pass.actual));
      assertTrue(
          error.getMessage().contains("ssd: cannot read keys and values in"), error.getMessage());
      assertTrue(error.getMessage().endsWith("and ends early"), error.getMessage());
    }
    assertFalse(
        Thread.getAllStackTraces().keySet().stream()
            .anyMatch(thread -> thread.getName().startsWith("stowage-part")));
  }

  @Test
  void aFullDiskIsOneErrorOfTheDevice() throws Exception {
    var full = Path.of("/dev/full");
    assumeTrue(Files.isWritable(full), "a device that is always full");
    Files.createSymbolicLink(folder.resolve("part.kv"), full);
    var layout = wide();
    try (var arena = Arena.ofShared();
        var store = open(layout, arena)) {
      var pass = new Pass(layout, new Random(1), arena);
      var lengths = new int[1];
      pass.fill(lengths, 4096, 64);
      var error =
          assertThrows(
              DeviceException.class,
              () -> {
                store.append(0, pass.rows, pass.keys, pass.values);
                pass.fill(lengths, 4096, 1);
                pass.attend(store, 0, pass.actual);
              });
      assertTrue(
          error.getMessage().contains("ssd: cannot write keys and values in"), error.getMessage());
    }
    assertTrue(Files.exists(full), "only the name in the folder goes");
  }

  /** 2 MiB of one layer and slot. */
  private static KvLayout wide() {
    return new KvLayout(
        region(Range.upTo(1), Range.upTo(1), Range.upTo(2), Range.upTo(4096)),
        2,
        2,
        64,
        ElementType.F16,
        Integer.MAX_VALUE,
        64);
  }

  private DirectKvStore open(KvLayout layout, Arena arena) throws IOException {
    return new DirectKvStore(
        "ssd",
        layout,
        folder.resolve("part.kv"),
        arena.allocate(staging(layout), Footprint.PAGE_BYTES),
        kernels);
  }

  private static long staging(KvLayout layout) {
    var region = layout.region();
    long token = 2L * region.heads().size() * layout.type().rowBytes(layout.headDim());
    return 2 * Footprint.wholePages(token * region.tokens().size())
        + 2 * Footprint.kvWriteBytes(token)
        + (long) region.layers().size() * region.sequences().size() * Footprint.PAGE_BYTES;
  }

  private static KvRegion region(Range layers, Range sequences, Range heads, Range tokens) {
    return new KvRegion("part", layers, sequences, heads, tokens, "ssd", "ram", Optional.empty());
  }

  private static DeviceSpec spec(DeviceKind kind) {
    return new DeviceSpec("ram", kind, 1 << 30, 0, Optional.empty(), false, Map.of());
  }

  private static Range within(Random random, int size) {
    int from = random.nextInt(size);
    return random.nextInt(3) == 0
        ? Range.upTo(size)
        : new Range(from, from + 1 + random.nextInt(size - from));
  }

  private Path only() throws IOException {
    try (var files = Files.list(folder)) {
      return files.findFirst().orElseThrow();
    }
  }

  /** Rows, and what they bring and get. */
  private static final class Pass {
    final Rows rows;
    final MemorySegment keys;
    final MemorySegment values;
    final MemorySegment queries;
    final Partial expected;
    final Partial actual;
    final KvLayout layout;
    final Random random;

    Pass(KvLayout layout, Random random, Arena arena) {
      this.layout = layout;
      this.random = random;
      int capacity = layout.rowsPerPass();
      rows = new Rows(capacity);
      keys = arena.allocate(4L * capacity * layout.kvHeads() * layout.headDim());
      values = arena.allocate(keys.byteSize());
      queries = arena.allocate(4L * capacity * layout.heads() * layout.headDim());
      expected = partial(arena);
      actual = partial(arena);
    }

    private Partial partial(Arena arena) {
      return new Partial(
          arena.allocate(queries.byteSize()),
          arena.allocate(8L * layout.rowsPerPass() * layout.heads()));
    }

    void fill(int[] lengths, int tokens) {
      fill(lengths, tokens, 1 + random.nextInt(layout.rowsPerPass() / lengths.length));
    }

    /** The next tokens of every sequence that has room. */
    void fill(int[] lengths, int tokens, int most) {
      rows.clear();
      for (int slot = 0; slot < lengths.length; slot++) {
        int start = lengths[slot];
        for (int i = 0; i < most && lengths[slot] < tokens; i++) {
          rows.add(slot, lengths[slot]++, start);
        }
      }
      for (var segment : new MemorySegment[] {keys, values, queries}) {
        for (long at = 0; at < segment.byteSize(); at += 4) {
          segment.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
        }
      }
    }

    void attend(dev.stowage.runtime.device.KvStore store, int layer, Partial into) {
      into.o().fill((byte) 0);
      store.attend(layer, rows, queries, into);
    }

    void assertSame(String where) {
      assertEquals(-1, expected.o().mismatch(actual.o()), where);
      assertEquals(-1, expected.state().mismatch(actual.state()), where);
    }
  }
}
