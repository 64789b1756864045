package dev.stowage.gpu;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import jcuda.driver.CUstream;

/**
 * What the first GPU of this machine does in a second, beside what plain copies reach: bytes and
 * floating-point operations by wall time, the best of a few rounds, after one to warm up. Numbers
 * are bytes a second or operations a second.
 *
 * <p>Operands are random; a round repeats what is measured until it has taken {@code seconds}.
 */
public final class GpuRates implements AutoCloseable {
  private static final int ROUNDS = 3;
  private static final int PATTERN = 64; // rows of random numbers, again and again

  private static final DeviceSpec ALL =
      new DeviceSpec(
          "gpu", DeviceKind.GPU, Long.MAX_VALUE / 2, 0, Optional.empty(), false, Map.of());

  private final Cuda cuda;
  private final double seconds;

  /**
   * Opens the GPU.
   *
   * @param seconds the least that a round takes
   * @throws dev.stowage.runtime.device.DeviceException if there is none that can be used
   */
  public GpuRates(double seconds) {
    this.seconds = seconds;
    cuda = Cuda.open("gpu", 0);
  }

  /** The GPU's name. */
  public String name() {
    return cuda.name();
  }

  /** Its compute capability, as {@code 9.0}. */
  public String capability() {
    return cuda.capability();
  }

  /** Bytes of its memory that nobody has taken. */
  public long freeBytes() {
    return cuda.freeBytes();
  }

  /** Which way a copy goes. */
  public enum Way {
    IN,
    OUT,
    BOTH
  }

  /** Plain copies of page-locked memory, of so many bytes each; both ways count twice. */
  public double plainCopy(Way way, long bytes) {
    try (var memory = Cuda.open("gpu", 0)) {
      var host = memory.pinned("rates", bytes);
      var other = memory.pinned("rates", bytes);
      var there = memory.allocate("rates", bytes);
      var back = memory.allocate("rates", bytes);
      var to = memory.stream();
      var from = memory.stream();
      return (way == Way.BOTH ? 2 : 1)
          * bytes
          * rate(
              () -> {
                if (way != Way.OUT) {
                  memory.copyIn(host, there, to);
                }
                if (way != Way.IN) {
                  memory.copyOut(back, other, from);
                }
                memory.await(to);
                memory.await(from);
              });
    }
  }

  /** The copies of plans, of so many bytes each: weights streamed in, activations read back. */
  public double planCopy(Way way, long bytes) {
    try (var opened = open()) {
      var host = opened.hostMemory("rates", bytes);
      var other = opened.hostMemory("rates", bytes);
      var there = opened.allocate("rates", bytes);
      var back = opened.allocate("rates", bytes);
      var lane = opened.copyLane();
      return switch (way) {
        case IN -> bytes * rate(() -> lane.write(host, there));
        case OUT -> bytes * rate(() -> opened.read(back, other));
        case BOTH ->
            2
                * bytes
                * rate(
                    () -> {
                      var writer = Thread.ofPlatform().start(() -> lane.write(host, there));
                      opened.read(back, other);
                      join(writer);
                    });
      };
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static ComputeDevice open() {
    return GpuDevice.open(ALL, 0);
  }

  /** What the GPU's memory takes at most: bytes read and written by copies within it. */
  public double memory(long bytes) {
    try (var copies = Cuda.open("gpu", 0)) {
      var from = copies.allocate("rates", bytes);
      var to = copies.allocate("rates", bytes);
      var stream = copies.stream();
      int together = 8;
      return 2.0
          * together
          * bytes
          * rate(
              () -> {
                for (int i = 0; i < together; i++) {
                  copies.copyWithin(from, to, stream);
                }
                copies.await(stream);
              });
    }
  }

  /**
   * Linear layers of a type, {@code rows × k} by {@code n × k}: calls a second. Several matrices
   * take turns, so that caches do not hold them, as long as the GPU has room.
   */
  public double product(ElementType type, int rows, int k, int n) {
    try (var opened = open()) {
      long bytes = n * type.rowBytes(k);
      int matrices = (int) Math.max(1, Math.min(16, (256L << 20) / bytes));
      var x = random(opened, ElementType.F32, rows, k);
      var out = opened.allocate("rates", 4L * rows * n);
      var w = new MemorySegment[matrices];
      for (int i = 0; i < matrices; i++) {
        w[i] = random(opened, type, n, k);
      }
      var kernels = opened.kernels();
      var mark = opened.mark();
      return matrices
          * rate(
              () -> {
                for (var matrix : w) {
                  kernels.matmul(
                      x, 0, 4L * k, matrix, 0, type, null, 0, out, 0, 4L * n, rows, k, 0, n);
                }
                mark.set();
                mark.await();
              });
    }
  }

  /**
   * Likewise by cuBLAS, with rows of the matrices' own type, so less accurately than {@link
   * #product}; empty where this machine has none.
   *
   * @param type F16, BF16 or F32
   */
  public OptionalDouble cublasProduct(ElementType type, int rows, int k, int n) {
    try (var context = Cuda.open("gpu", 0)) {
      var stream = context.stream();
      var found = Cublas.find(stream.address());
      if (found.isEmpty()) {
        return OptionalDouble.empty();
      }
      try (var cublas = found.get()) {
        long bytes = n * type.rowBytes(k);
        int matrices = (int) Math.max(1, Math.min(16, (256L << 20) / bytes));
        var x = random(context, stream, type, rows, k);
        var out = context.allocate("rates", 4L * rows * n);
        var w = new MemorySegment[matrices];
        for (int i = 0; i < matrices; i++) {
          w[i] = random(context, stream, type, n, k);
        }
        return OptionalDouble.of(
            matrices
                * rate(
                    () -> {
                      for (var matrix : w) {
                        cublas.product(
                            type, x.address(), k, matrix.address(), out.address(), n, rows, k, n);
                      }
                      context.await(stream);
                    }));
      }
    }
  }

  /**
   * Attention of one token over so many stored ones: bytes of keys and values read a second.
   *
   * @param heads query heads
   * @param kvHeads heads of keys and values
   */
  public double decodeAttention(ElementType type, int tokens, int heads, int kvHeads, int headDim) {
    try (var opened = open()) {
      long rowBytes = type.rowBytes(headDim);
      long bytes = kvHeads * rowBytes * tokens;
      var keys = random(opened, type, kvHeads * tokens, headDim);
      var values = random(opened, type, kvHeads * tokens, headDim);
      var q = random(opened, ElementType.F32, 1, heads * headDim);
      var o = opened.allocate("rates", 4L * heads * headDim);
      var state = opened.allocate("rates", 8L * heads);
      var kernels = opened.kernels();
      var mark = opened.mark();
      int[] lengths = {tokens};
      int together = 4;
      return 2.0
          * bytes
          * together
          * rate(
              () -> {
                for (int i = 0; i < together; i++) {
                  attend(
                      kernels, q, keys, values, type, rowBytes, tokens, lengths, o, state, heads,
                      kvHeads, headDim);
                }
                mark.set();
                mark.await();
              });
    }
  }

  /**
   * Attention of a prompt's tokens, each to those up to itself: calls a second. F32 keys are the
   * prompt's own; others follow as many that are stored.
   *
   * @param heads query heads
   * @param kvHeads heads of keys and values
   */
  public double promptAttention(ElementType type, int rows, int heads, int kvHeads, int headDim) {
    try (var opened = open()) {
      int stored = type == ElementType.F32 ? 0 : rows;
      int tokens = stored + rows;
      var keys = random(opened, type, kvHeads * tokens, headDim);
      var values = random(opened, type, kvHeads * tokens, headDim);
      var q = random(opened, ElementType.F32, rows, heads * headDim);
      var o = opened.allocate("rates", 4L * rows * heads * headDim);
      var state = opened.allocate("rates", 8L * rows * heads);
      var kernels = opened.kernels();
      var mark = opened.mark();
      int[] lengths = IntStream.range(0, rows).map(row -> stored + row + 1).toArray();
      return rate(
          () -> {
            attend(
                kernels,
                q,
                keys,
                values,
                type,
                type.rowBytes(headDim),
                tokens,
                lengths,
                o,
                state,
                heads,
                kvHeads,
                headDim);
            mark.set();
            mark.await();
          });
    }
  }

  private static void attend(
      Kernels kernels,
      MemorySegment q,
      MemorySegment keys,
      MemorySegment values,
      ElementType type,
      long rowBytes,
      int tokens,
      int[] lengths,
      MemorySegment o,
      MemorySegment state,
      int heads,
      int kvHeads,
      int headDim) {
    kernels.attention(
        q,
        0,
        4L * heads * headDim,
        keys,
        0,
        values,
        0,
        type,
        rowBytes,
        rowBytes * tokens,
        lengths,
        0,
        0.1f,
        o,
        0,
        4L * heads * headDim,
        state,
        0,
        lengths.length,
        heads,
        kvHeads,
        0,
        kvHeads,
        headDim);
  }

  /**
   * Layers whose matrices come from host memory while the one before computes, as a plan's ring has
   * it: bytes of weights a second.
   *
   * @param layers matrices that are brought, one after the other, into two slots
   */
  public double streamedWeights(ElementType type, int layers, int rows, int k, int n) {
    try (var opened = open()) {
      long bytes = n * type.rowBytes(k);
      var host = opened.hostMemory("rates", bytes);
      var x = random(opened, ElementType.F32, rows, k);
      var out = opened.allocate("rates", 4L * rows * n);
      var slots =
          new MemorySegment[] {opened.allocate("ring", bytes), opened.allocate("ring", bytes)};
      var used = new ComputeDevice.Mark[] {opened.mark(), opened.mark()};
      var lane = opened.copyLane();
      var kernels = opened.kernels();
      return (double) bytes
          * layers
          * rate(
              () -> {
                for (int layer = 0; layer < layers; layer++) {
                  int slot = layer % 2;
                  used[slot].await();
                  lane.write(host, slots[slot]);
                  kernels.matmul(
                      x, 0, 4L * k, slots[slot], 0, type, null, 0, out, 0, 4L * n, rows, k, 0, n);
                  used[slot].set();
                }
                used[0].await();
                used[1].await();
              });
    }
  }

  /** Rows of random numbers, finite in every type. */
  private static MemorySegment random(ComputeDevice device, ElementType type, int rows, int width) {
    long rowBytes = type.rowBytes(width);
    var memory = device.allocate("rates", rows * rowBytes);
    try (var arena = Arena.ofConfined()) {
      long bytes = Math.min(rows, PATTERN) * rowBytes;
      var some = pattern(type, arena.allocate(bytes, 16));
      for (long at = 0; at < memory.byteSize(); at += bytes) {
        long count = Math.min(bytes, memory.byteSize() - at);
        device.write(some.asSlice(0, count), memory.asSlice(at, count));
      }
    }
    return memory;
  }

  private static MemorySegment random(
      Cuda cuda, CUstream stream, ElementType type, int rows, int width) {
    long rowBytes = type.rowBytes(width);
    var memory = cuda.allocate("rates", rows * rowBytes);
    long bytes = Math.min(rows, PATTERN) * rowBytes;
    var some = pattern(type, cuda.pinned("rates", bytes));
    for (long at = 0; at < memory.byteSize(); at += bytes) {
      long count = Math.min(bytes, memory.byteSize() - at);
      cuda.copyIn(some.asSlice(0, count), memory.asSlice(at, count), stream);
    }
    cuda.await(stream);
    return memory;
  }

  private static MemorySegment pattern(ElementType type, MemorySegment some) {
    var random = new Random(some.byteSize());
    for (long at = 0; at + 4 <= some.byteSize(); at += 4) {
      int bits =
          switch (type) {
            case F32 -> Float.floatToIntBits((float) random.nextGaussian());
            // exponents below one, also where a word is a group's scale and minimum
            case F16, BF16, INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> random.nextInt() & 0xbbffbbff;
          };
      some.set(ValueLayout.JAVA_INT_UNALIGNED, at, bits);
    }
    return some;
  }

  /** How often something runs in a second. */
  private double rate(Runnable what) {
    what.run();
    var rates = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      long began = System.nanoTime();
      int runs = 0;
      double took;
      do {
        what.run();
        runs++;
        took = (System.nanoTime() - began) * 1e-9;
      } while (took < seconds);
      rates[round] = runs / took;
    }
    return Arrays.stream(rates).max().orElseThrow();
  }

  @Override
  public void close() {
    cuda.close();
  }
}
