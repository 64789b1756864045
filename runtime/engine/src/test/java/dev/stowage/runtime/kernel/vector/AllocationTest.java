package dev.stowage.runtime.kernel.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.RopeScaling;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.RandomData;
import dev.stowage.runtime.kernel.RopeTable;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * No operation allocates, on any thread, once C2 has compiled it: until then every vector is an
 * object.
 */
final class AllocationTest {
  private static final int WARM_UP = 4_000;
  private static final int ROUNDS = 100;
  private static final int STEPS = 200;

  @Test
  void stepsAllocateNothingOnceWarm() {
    stepsAllocateNothingOnceWarm(VectorKernels::new);
  }

  @Test
  void stepsWithoutMachineCodeAllocateNothingOnceWarm() {
    stepsAllocateNothingOnceWarm(VectorKernels::portable);
  }

  private static void stepsAllocateNothingOnceWarm(Function<WorkerPool, Kernels> kernels) {
    assumeTrue(c2(), "skipped: this JVM does not compile with C2, so vectors stay objects");
    var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (var arena = Arena.ofShared();
        var pool = new WorkerPool(2)) {
      long[] threads = threads(pool);
      var step = new Step(arena, kernels.apply(pool));
      for (int i = 0; i < WARM_UP; i++) {
        step.run();
      }
      long bytes = Long.MAX_VALUE; // C2 compiles in the background, so warming up ends by itself
      for (int round = 0; round < ROUNDS && bytes > 0; round++) {
        long before = allocated(bean, threads);
        for (int i = 0; i < STEPS; i++) {
          step.run();
        }
        bytes = allocated(bean, threads) - before;
      }
      assertEquals(0, bytes, "bytes in " + STEPS + " steps, on " + threads.length + " threads");
    }
  }

  @Test
  void measuringSeesAllocation() {
    var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] own = {Thread.currentThread().threadId()};
    allocated(bean, own);
    long before = allocated(bean, own);
    assertEquals(0, allocated(bean, own) - before);
    Object[] kept = new Object[1];
    before = allocated(bean, own);
    kept[0] = new byte[1000];
    assertEquals(1016, allocated(bean, own) - before, 8.0, kept.getClass().getName());
  }

  private static boolean c2() {
    List<String> arguments = ManagementFactory.getRuntimeMXBean().getInputArguments();
    boolean limited =
        arguments.stream()
            .anyMatch(
                a ->
                    a.startsWith("-XX:TieredStopAtLevel") && !a.endsWith("=4")
                        || a.equals("-Xint"));
    return !limited
        && System.getProperty("java.vm.info", "").contains("mixed mode")
        && System.getProperty("java.vm.name", "").contains("Server");
  }

  private static long[] threads(WorkerPool pool) {
    long[] ids = new long[pool.threads()];
    var inside = new java.util.concurrent.CountDownLatch(ids.length);
    pool.run(
        (worker, from, to) -> {
          ids[worker] = Thread.currentThread().threadId();
          inside.countDown();
          try {
            inside.await(); // keeps each piece on a thread of its own
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        ids.length,
        1);
    return ids;
  }

  private static long allocated(ThreadMXBean bean, long[] threads) {
    long sum = 0;
    for (long thread : threads) {
      sum += bean.getThreadAllocatedBytes(thread);
    }
    return sum;
  }

  /** Every operation once, with work for both threads where an operation shares its work. */
  private static final class Step {
    private static final int K = 136;
    private static final int HEADS = 8;
    private static final int HEAD = 17;
    private static final int TOKENS = 40;

    private final Kernels kernels;
    private final MemorySegment x;
    private final MemorySegment y;
    private final MemorySegment out;
    private final MemorySegment stored;
    private final MemorySegment state;
    private final MemorySegment otherO;
    private final MemorySegment otherState;
    private final MemorySegment[] weights = new MemorySegment[ElementType.single().size()];
    private final List<MemorySegment> groups = new ArrayList<>();
    private final List<MemorySegment> blocks = new ArrayList<>();
    private final List<ElementType> blockTypes = ElementType.blocks();
    private final ElementType[] types = ElementType.single().toArray(ElementType[]::new);
    private final RopeTable rope;
    private final int[] ids = new int[130];
    private final int[] lengths = {TOKENS, TOKENS - 1, TOKENS, 1, TOKENS};

    Step(Arena arena, Kernels kernels) {
      this.kernels = kernels;
      var data = new RandomData(arena, 1);
      x = data.floats(130L * K);
      y = data.floats(130L * K);
      out = data.floats(5L * 128);
      stored = data.floats(130L * K);
      state = data.floats(2L * 5 * HEADS);
      otherO = data.floats(5L * K);
      otherState = data.floats(2L * 5 * HEADS);
      for (ElementType type : types) {
        weights[type.ordinal()] = data.numbers(type, 0, 128L * K, 0.1f);
      }
      for (ElementType type : ElementType.made()) {
        groups.add(data.rows(type, 0, TOKENS * 2, K, 0.1f));
      }
      for (ElementType type : blockTypes) {
        blocks.add(arena.allocate(32 * type.rowBytes(256), 64));
      }
      rope = RopeTable.create(arena, 4, 16, 10_000, new RopeScaling.None());
      Arrays.fill(ids, 3);
    }

    void run() {
      long stride = 4L * K;
      for (ElementType type : types) {
        var w = weights[type.ordinal()];
        kernels.matmul(x, 0, stride, w, 0, type, null, 0, out, 0, 512, 1, K, 0, 128);
        kernels.matmul(x, 0, stride, w, 0, type, y, 0, out, 0, 512, 5, K, 0, 128);
        kernels.embed(w, 0, type, 128, ids, 0, x, 0, stride, 2, K);
        kernels.embedAdd(w, 0, type, 128, ids, 0, x, 0, stride, 2, K);
        kernels.narrow(y, 0, stride, stored, 0, stride, type, 2, K);
        kernels.widen(stored, 0, stride, type, x, 0, stride, 2, K);
        kernels.attention(
            y,
            0,
            stride,
            w,
            0,
            w,
            0,
            type,
            2L * HEAD * type.bytes(),
            (long) HEAD * type.bytes(),
            lengths,
            0,
            0.2f,
            x,
            0,
            stride,
            state,
            0,
            5,
            HEADS,
            2,
            0,
            2,
            HEAD);
      }
      quantized(stride);
      kernels.mergeAttention(
          x, 0, stride, state, 0, otherO, 0, stride, otherState, 0, 5, HEADS, 0, HEADS, HEAD);
      kernels.finishAttention(x, 0, stride, state, 0, 5, HEADS, HEAD);
      kernels.layerNorm(y, 0, stride, y, 0, y, 0, 1e-5f, x, 0, stride, 130, K);
      kernels.rmsNorm(y, 0, stride, y, 0, 1e-5f, x, 0, stride, 2, HEADS, HEAD);
      kernels.rope(x, 0, stride, rope, ids, 0, 130, HEADS, HEAD);
      kernels.add(x, 0, stride, y, 0, stride, 130, K);
      kernels.addBias(x, 0, stride, y, 0, 2, K);
      kernels.siluMultiply(x, 0, stride, y, 0, stride, 2, K);
      kernels.geluTanh(x, 0, stride, 2, K);
      kernels.geluErf(x, 0, stride, 2, K);
      kernels.relu(x, 0, stride, 2, K);
    }

    /** Products of weights, and attention over keys and values, that lie in groups. */
    private void quantized(long stride) {
      for (int i = 0; i < groups.size(); i++) {
        var type = ElementType.made().get(i);
        var w = groups.get(i);
        long head = type.rowBytes(HEAD);
        kernels.matmul(y, 0, stride, w, 0, type, null, 0, out, 0, 512, 1, K, 0, 32);
        kernels.matmul(y, 0, stride, w, 0, type, null, 0, out, 0, 512, 5, K, 0, 32);
        kernels.narrow(y, 0, stride, stored, 0, type.rowBytes(K), type, 2, K);
        kernels.attention(
            y, 0, stride, w, 0, w, 0, type, 2 * head, head, lengths, 0, 0.2f, x, 0, stride, state,
            0, 5, HEADS, 2, 0, 2, HEAD);
        // whole groups have kernels of their own
        kernels.matmul(y, 0, 512, w, 0, type, null, 0, out, 0, 512, 1, 128, 0, 32);
      }
      for (int i = 0; i < blocks.size(); i++) {
        var type = blockTypes.get(i);
        var w = blocks.get(i);
        kernels.matmul(y, 0, 1024, w, 0, type, null, 0, out, 0, 512, 1, 256, 0, 32);
        kernels.matmul(y, 0, 1024, w, 0, type, null, 0, out, 0, 512, 5, 256, 0, 32);
      }
    }
  }
}
