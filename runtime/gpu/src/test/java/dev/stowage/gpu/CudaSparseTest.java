package dev.stowage.gpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.gpu.EmulatedDriver.Setting;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.host.HostDeviceProvider;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention on a GPU that reads a part of a region, on the emulated driver. */
class CudaSparseTest {
  private static final long SEED = 20_261_121;

  static Stream<Long> seeds() {
    return LongStream.range(0, 16).map(i -> SEED + i).boxed();
  }

  /** Rows that continue choose the same tokens; rows of prompts read all. */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aGpuComputesWhatHostMemoryDoes(long seed) {
    var random = new Random(seed);
    int slots = 1 + random.nextInt(3);
    int layers = 1 + random.nextInt(2);
    int kvHeads = 1 + random.nextInt(3);
    int group = 1 + random.nextInt(3);
    int headDim = 1 + random.nextInt(40);
    int tokens = 2 + random.nextInt(200);
    int rows = 1 + random.nextInt(40);
    int from = random.nextInt(tokens);
    var region =
        new KvRegion(
            "kv",
            Range.upTo(layers),
            new Range(random.nextInt(slots), slots),
            new Range(random.nextInt(kvHeads), kvHeads),
            new Range(from, from + 1 + random.nextInt(tokens - from)),
            "gpu",
            "gpu",
            Optional.of(
                new Sparsity(1 + random.nextInt(headDim), 0.02 + 0.98 * random.nextDouble())));
    var type = ElementType.single().get(random.nextInt(3));
    var layout =
        new KvLayout(region, group * kvHeads, kvHeads, headDim, type, Integer.MAX_VALUE, rows, 0);
    String where = "seed %d: %s".formatted(seed, layout);

    var driver = EmulatedDriver.loaded();
    driver.set(Setting.COMPILED_FOR, seed % 4 == 0 ? 75 : 90);
    try (var host = host();
        var gpu = GpuDevices.open(64 << 20);
        var arena = Arena.ofShared();
        var inHost = host.openKv(layout, MemorySegment.NULL);
        var onGpu = gpu.openKv(layout, MemorySegment.NULL)) {
      var pass = new Pass(layout, gpu, arena, random);
      int[] lengths = new int[slots];
      for (int step = 0; step < 24; step++) {
        pass.fill(lengths, tokens);
        for (int layer = 0; layer < layers; layer++) {
          pass.spoil();
          inHost.attend(layer, pass.rows, pass.queries, pass.expected);
          onGpu.attend(layer, pass.rows, pass.queriesThere, pass.there);
          pass.assertClose(where + ", step " + step);
          inHost.append(layer, pass.rows, pass.keys, pass.values);
          onGpu.append(layer, pass.rows, pass.keysThere, pass.valuesThere);
        }
      }
    }
    driver.assertEverythingIsReleased(where);
  }

  private static Device host() {
    var spec =
        new DeviceSpec("gpu", DeviceKind.HOST, 1 << 30, 0, Optional.empty(), false, Map.of());
    return new HostDeviceProvider()
        .open(spec, new DeviceContext(Path.of("."), new ReferenceKernels()));
  }

  /** The rows of a pass with random numbers, in host memory and on the GPU. */
  private static final class Pass {
    private final KvLayout layout;
    private final ComputeDevice gpu;
    private final Arena arena;
    private final Random random;
    final Rows rows;
    final MemorySegment keys;
    final MemorySegment values;
    final MemorySegment queries;
    final MemorySegment keysThere;
    final MemorySegment valuesThere;
    final MemorySegment queriesThere;
    final Partial expected;
    final Partial actual;
    final Partial there;

    Pass(KvLayout layout, ComputeDevice gpu, Arena arena, Random random) {
      this.layout = layout;
      this.gpu = gpu;
      this.arena = arena;
      this.random = random;
      int capacity = layout.rowsPerPass();
      long kv = 4L * capacity * layout.kvHeads() * layout.headDim();
      long q = 4L * capacity * layout.heads() * layout.headDim();
      long state = 8L * capacity * layout.heads();
      rows = new Rows(capacity);
      keys = arena.allocate(kv, 64);
      values = arena.allocate(kv, 64);
      queries = arena.allocate(q, 64);
      keysThere = gpu.allocate("keys", kv);
      valuesThere = gpu.allocate("values", kv);
      queriesThere = gpu.allocate("queries", q);
      expected = new Partial(arena.allocate(q, 64), arena.allocate(state, 64));
      actual = new Partial(arena.allocate(q, 64), arena.allocate(state, 64));
      there = new Partial(gpu.allocate("o", q), gpu.allocate("state", state));
    }

    /** A token of some slots, or a piece of a prompt, each by itself. */
    void fill(int[] lengths, int mostTokens) {
      rows.clear();
      for (int slot = 0; slot < lengths.length; slot++) {
        int most = Math.min(layout.rowsPerPass() - rows.count(), mostTokens - lengths[slot]);
        int start = lengths[slot];
        boolean continues = random.nextBoolean();
        for (int i = 0; i < Math.min(most, continues ? 1 : random.nextInt(25)); i++) {
          rows.add(slot, lengths[slot], start, continues);
          lengths[slot]++;
        }
      }
      randomize(keys, keysThere);
      randomize(values, valuesThere);
      randomize(queries, queriesThere);
    }

    private void randomize(MemorySegment numbers, MemorySegment on) {
      for (long at = 0; at < numbers.byteSize(); at += 4) {
        numbers.set(JAVA_FLOAT, at, (float) random.nextGaussian());
      }
      gpu.write(numbers, on);
    }

    /** Fills results with rubbish, so that what is not written shows. */
    void spoil() {
      for (var partial : new Partial[] {expected, actual}) {
        partial.o().fill((byte) 0x7f);
        partial.state().fill((byte) 0x7f);
      }
      gpu.write(actual.o(), there.o());
      gpu.write(actual.state(), there.state());
    }

    void assertClose(String where) {
      gpu.read(there.o(), actual.o());
      gpu.read(there.state(), actual.state());
      for (int at = 0; at < rows.count() * layout.heads(); at++) {
        float l = expected.state().get(JAVA_FLOAT, 8L * at + 4);
        assertEquals(
            expected.state().get(JAVA_FLOAT, 8L * at),
            actual.state().get(JAVA_FLOAT, 8L * at),
            1e-4f,
            where);
        assertEquals(l, actual.state().get(JAVA_FLOAT, 8L * at + 4), 1e-4f * l + 1e-6f, where);
        for (int i = 0; i < layout.headDim() && l > 0; i++) {
          long number = 4L * ((long) at * layout.headDim() + i);
          float wanted = expected.o().get(JAVA_FLOAT, number);
          float got = actual.o().get(JAVA_FLOAT, number);
          assertTrue(
              Math.abs(wanted - got) <= 1e-4 * (l + Math.abs(wanted)),
              () -> "%s: %s instead of %s".formatted(where, got, wanted));
        }
      }
    }
  }
}
