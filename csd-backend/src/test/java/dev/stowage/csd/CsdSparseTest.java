package dev.stowage.csd;

import static dev.stowage.runtime.kernel.Elements.F32;
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
import dev.stowage.plan.SparseReads;
import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.host.HostDeviceProvider;
import dev.stowage.runtime.kernel.KernelSelection;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention that reads a part, in a drive. */
class CsdSparseTest {
  private static final long SEED = 20_261_121;

  @TempDir Path folder;

  static Stream<Long> seeds() {
    return LongStream.range(0, 60).map(i -> SEED + i).boxed();
  }

  /** Continuing rows to the bit; rows of prompts, which read all, as dense attention has it. */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aDriveComputesWhatHostMemoryDoes(long seed) {
    var random = new Random(seed);
    int slots = 1 + random.nextInt(3);
    int layers = 1 + random.nextInt(2);
    int kvHeads = 1 + random.nextInt(3);
    int group = 1 + random.nextInt(3);
    int headDim = 1 + random.nextInt(40);
    int tokens = 2 + random.nextInt(150);
    int rows = 1 + random.nextInt(12);
    int from = random.nextInt(tokens);
    var region =
        new KvRegion(
            "kv",
            Range.upTo(layers),
            Range.upTo(slots),
            new Range(random.nextInt(kvHeads), kvHeads),
            new Range(from, from + 1 + random.nextInt(tokens - from)),
            "csd",
            "csd",
            Optional.of(
                new Sparsity(1 + random.nextInt(headDim), 0.02 + 0.98 * random.nextDouble())));
    var type = ElementType.single().get(random.nextInt(3));
    var layout =
        new KvLayout(
            region,
            group * kvHeads,
            kvHeads,
            headDim,
            type,
            Integer.MAX_VALUE,
            rows,
            random.nextInt(2) * random.nextInt(60));
    var geometry =
        new FlashGeometry(1 + random.nextInt(4), 1, 2, 4000, 4, 64 * (1 + random.nextInt(8)));
    String where = "seed %d: %s on %s".formatted(seed, layout, geometry);

    try (var pool = new WorkerPool(1);
        var host = host(pool);
        var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 24, 1 << 16);
        var inHost = host.openKv(layout, MemorySegment.NULL);
        var inDrive = device.openKv(layout, MemorySegment.NULL)) {
      var reference = new ReferenceKv(layout, slots, layers);
      var pass = new Pass(layout, random);
      int[] lengths = new int[slots];
      for (int step = 0; step < 80; step++) {
        if (random.nextInt(12) == 0) {
          int slot = random.nextInt(slots);
          inHost.clear(slot);
          inDrive.clear(slot);
          reference.clear(slot);
          lengths[slot] = 0;
        }
        boolean continues = random.nextInt(3) > 0;
        pass.fill(lengths, tokens, continues);
        for (int layer = 0; layer < layers; layer++) {
          var there = pass.attend(inDrive, layer, layout);
          if (continues) {
            assertSame(pass.attend(inHost, layer, layout), there, pass.rows, layout, where);
          } else {
            assertNull(reference.difference(layer, pass.rows, pass.queries, there), () -> where);
          }
          inHost.append(layer, pass.rows, pass.keys, pass.values);
          inDrive.append(layer, pass.rows, pass.keys, pass.values);
          reference.append(layer, pass.rows, pass.keys, pass.values);
        }
      }
      for (int slot = 0; slot < slots; slot++) {
        inDrive.clear(slot);
      }
      assertEquals(0, device.statistics().pagesValid(), where);
      assertEquals(0, device.statistics().tailBytes(), where);
    }
  }

  private static void assertSame(
      Partial expected, Partial got, Rows rows, KvLayout layout, String where) {
    for (int row = 0; row < rows.count(); row++) {
      for (int head = 0; head < layout.heads(); head++) {
        long state = 8L * (row * layout.heads() + head);
        assertEquals(expected.state().get(F32, state), got.state().get(F32, state), where);
        assertEquals(expected.state().get(F32, state + 4), got.state().get(F32, state + 4), where);
        for (int i = 0; i < layout.headDim() && got.state().get(F32, state + 4) > 0; i++) {
          long at = 4L * ((row * layout.heads() + head) * layout.headDim() + i);
          assertEquals(expected.o().get(F32, at), got.o().get(F32, at), where);
        }
      }
    }
  }

  /**
   * 128 tokens of 32 F16 numbers on pages of 1 KiB: 8 groups of 16 tokens, 2 columns of 64 tokens
   * with 8 channels a page. The query looks along channels 0 and 1, tokens 32 to 38 answer.
   */
  @Test
  void readsNoPageThatHoldsNothingWanted() {
    var sparsity = new Sparsity(2, 8 / 128.0);
    assertEquals(8, SparseReads.channelsOfPage(2, 32, 512, 144));
    var layout = layout(144, 32, ElementType.F16, Optional.of(sparsity), 0);
    var geometry = new FlashGeometry(8, 1, 2, 40, 8, 1024);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 20, 1 << 16);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(1));
      fillWith(pass, store, 128, t -> t >= 32 && t < 39 ? 5 : 0);
      assertEquals(2 * 8 + 2 * 4, device.statistics().pagesValid());
      long before = device.statistics().pagesRead();
      pass.queries.fill((byte) 0);
      pass.queries.set(F32, 0, 1);
      pass.queries.set(F32, 4, 1);
      pass.rows.clear();
      pass.rows.add(0, 128, 128, true);
      pass.attend(store, 0, layout);
      // a page of channels in each column; keys and values of groups 2 (32 to 38) and 7 (the
      // newest)
      assertEquals(2 + 2 + 2, device.statistics().pagesRead() - before);
      assertEquals(6, device.statistics().sparsePages());
      assertEquals(16, device.statistics().sparsePagesDense());
      assertTrue(
          device.activity().contains("sparse attention read 6 pages, 0.375 of those of all tokens"),
          device.activity());

      // 8 tokens more lie in DRAM, and their keys in no column: nothing of them is read from flash
      fillWith(pass, store, 8, t -> 0);
      before = device.statistics().pagesRead();
      pass.rows.clear();
      pass.rows.add(0, 136, 136, true);
      pass.attend(store, 0, layout);
      assertEquals(2 + 1 + 1, device.statistics().pagesRead() - before);
    }
  }

  @Test
  void tokensAreProgrammedAsManyAtATimeAsThePlanGathers() {
    var layout = layout(144, 32, ElementType.F16, Optional.empty(), 40);
    var geometry = new FlashGeometry(8, 1, 2, 40, 8, 1024);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 1 << 20, 1 << 16);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var reference = new ReferenceKv(layout, 1, 1);
      var pass = new Pass(layout, new Random(2));
      int[] lengths = new int[1];
      for (int token = 1; token <= 144; token++) {
        pass.fill(lengths, 144, true);
        var partial = pass.attend(store, 0, layout);
        assertNull(reference.difference(0, pass.rows, pass.queries, partial), "seed 2");
        store.append(0, pass.rows, pass.keys, pass.values);
        reference.append(0, pass.rows, pass.keys, pass.values);
        // of 40, two groups of 16 tokens
        assertEquals(token / 32 * 2 * 2, device.statistics().pagesProgrammed());
        assertEquals(token % 32 * 2 * 64, device.statistics().tailBytes());
      }
    }
  }

  @Test
  void whatIsGatheredMustFitTheDrivesDram() {
    var layout = layout(144, 32, ElementType.F16, Optional.empty(), 128);
    var geometry = new FlashGeometry(8, 1, 2, 40, 8, 1024);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder, geometry, 16000, 1 << 16)) {
      var refused =
          assertThrows(DeviceException.class, () -> device.openKv(layout, MemorySegment.NULL));
      assertEquals(
          "csd: KV region kv: the drive has no room for the region: 16384 bytes of the drive's DRAM are needed to gather token groups, and 16000 are left",
          refused.getMessage());
    }
  }

  @Test
  void theSteadyStateAllocatesNothing() {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    var layout = layout(512, 16, ElementType.F16, Optional.of(new Sparsity(4, 0.1)), 0);
    try (var device = CsdDevice.emulated(spec(1 << 30), folder);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, new Random(3));
      fillWith(pass, store, 300, t -> 1);
      int[] lengths = {300};
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
          pass.rows.clear();
          if (lengths[0] == 512) {
            store.clear(0);
            lengths[0] = 0;
          }
          pass.rows.add(0, lengths[0], lengths[0], true);
          lengths[0]++;
          store.attend(0, pass.rows, pass.queries, pass.partial);
          store.append(0, pass.rows, pass.keys, pass.values);
        }
        long host = threads.getCurrentThreadAllocatedBytes() - hostBefore;
        allocated = host + threads.getThreadAllocatedBytes(drive) - before;
      }
      assertEquals(0, allocated, "bytes of 1000 steps, however long the compiler took before");
    }
  }

  /** Appends tokens whose keys are small but for channels 0 and 1. */
  private static void fillWith(Pass pass, KvStore store, int count, IntUnaryOperator strength) {
    for (int i = 0; i < count; i++) {
      int token = pass.length++;
      pass.rows.clear();
      pass.rows.add(0, token, token);
      pass.randomize(pass.keys, 0.01f);
      pass.randomize(pass.values, 1);
      for (int c = 0; c < 2; c++) {
        pass.keys.set(F32, 4L * c, strength.applyAsInt(token));
      }
      store.append(0, pass.rows, pass.keys, pass.values);
    }
  }

  private Device host(WorkerPool pool) {
    var spec =
        new DeviceSpec("csd", DeviceKind.HOST, 1 << 30, 0, Optional.empty(), false, Map.of());
    var kernels = KernelSelection.best(pool).kernels();
    return new HostDeviceProvider().open(spec, new DeviceContext(folder, kernels));
  }

  private static DeviceSpec spec(long capacity) {
    return new DeviceSpec("csd", DeviceKind.CSD, capacity, 0, Optional.of("."), true, Map.of());
  }

  /** One head of one sequence. */
  private static KvLayout layout(
      int tokens, int headDim, ElementType type, Optional<Sparsity> sparsity, int writeBack) {
    var one = Range.upTo(1);
    var region = new KvRegion("kv", one, one, one, Range.upTo(tokens), "csd", "csd", sparsity);
    return new KvLayout(region, 1, 1, headDim, type, Integer.MAX_VALUE, 4, writeBack);
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
    int length;

    Pass(KvLayout layout, Random random) {
      this.random = random;
      capacity = layout.rowsPerPass();
      rows = new Rows(capacity);
      keys = floats(capacity * layout.kvHeads() * layout.headDim());
      values = floats(capacity * layout.kvHeads() * layout.headDim());
      queries = floats(capacity * layout.heads() * layout.headDim());
      partial = partial(layout);
      randomize(keys, 1);
      randomize(values, 1);
      randomize(queries, 1);
    }

    private Partial partial(KvLayout layout) {
      return new Partial(
          floats(capacity * layout.heads() * layout.headDim()),
          floats(2 * capacity * layout.heads()));
    }

    private static MemorySegment floats(int count) {
      return Arena.ofAuto().allocate(4L * count, 64);
    }

    void randomize(MemorySegment numbers, float size) {
      for (long at = 0; at < numbers.byteSize(); at += 4) {
        numbers.set(F32, at, size * (float) random.nextGaussian());
      }
    }

    /** A token of some slots, or a piece of a prompt of each. */
    void fill(int[] lengths, int mostTokens, boolean continues) {
      rows.clear();
      for (int slot = 0; slot < lengths.length; slot++) {
        int most = Math.min(capacity - rows.count(), mostTokens - lengths[slot]);
        int start = lengths[slot];
        for (int i = 0; i < Math.min(most, continues ? 1 : random.nextInt(12)); i++) {
          rows.add(slot, lengths[slot], start, continues);
          lengths[slot]++;
        }
      }
      randomize(keys, 1);
      randomize(values, 1);
      randomize(queries, 1);
    }

    /** Attends into a result full of rubbish, so that what is not written shows. */
    Partial attend(KvStore store, int layer, KvLayout layout) {
      var into = partial(layout);
      into.o().fill((byte) 0x7F);
      into.state().fill((byte) 0x7F);
      store.attend(layer, rows, queries, into);
      return into;
    }
  }
}
