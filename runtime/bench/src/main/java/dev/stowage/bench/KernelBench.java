package dev.stowage.bench;

import dev.stowage.bench.Contest.Subject;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.vector.VectorKernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/**
 * Measures the kernels as shares of what the machine can do: products of few rows and decode
 * attention against reading the same bytes, products of many rows and prefill attention against its
 * peak of multiply-adds.
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java @runtime/cli/target/jvm.args -cp \
 *   runtime/plan/target/classes:runtime/engine/target/classes:runtime/bench/target/classes \
 *   dev.stowage.bench.KernelBench [threads [gemv|gemm|attention [type]]]
 * }</pre>
 *
 * One thread (the default) is measured in CPU time, several in wall time, which wants a machine
 * that does nothing else.
 */
public final class KernelBench {
  private static final int ROUNDS = 9;
  private static final int K = 4096;
  private static final long WEIGHT_BYTES = 128L << 20;
  private static final long GEMM_BYTES = 48L << 20;
  private static final int MANY_ROWS_OUTPUTS = 2048;

  private static final int HEADS = 32;
  private static final int KV_HEADS = 8;
  private static final int HEAD_DIM = 128;

  private final WorkerPool pool;
  private final VectorKernels kernels;
  private final Limits limits;
  private final Arena arena = Arena.ofShared();
  private final Random random = new Random(1);

  private KernelBench(WorkerPool pool) {
    this.pool = pool;
    kernels = new VectorKernels(pool);
    limits = new Limits(pool);
  }

  /** Runs what the arguments name, or all. */
  public static void main(String[] args) {
    int threads = args.length > 0 ? Integer.parseInt(args[0]) : 1;
    String which = args.length > 1 ? args[1] : "all";
    var types =
        args.length > 2 ? new ElementType[] {ElementType.valueOf(args[2])} : ElementType.values();
    try (var pool = new WorkerPool(threads)) {
      var bench = new KernelBench(pool);
      System.out.println(bench.kernels.description());
      if (which.equals("gemv") || which.equals("all")) {
        bench.gemv(types);
      }
      if (which.equals("gemm") || which.equals("all")) {
        bench.gemm(types);
      }
      if (which.equals("attention") || which.equals("all")) {
        bench.attention(types);
      }
      bench.arena.close();
    }
  }

  private Contest contest(String unit, Subject limit) {
    return new Contest(unit, ROUNDS, pool.threads() == 1, limit);
  }

  /** Weights that no cache holds, times 1, 2 and 4 rows. */
  private void gemv(ElementType[] types) {
    var weights = arena.allocate(WEIGHT_BYTES, 64);
    var x = floats(4 * K);
    for (var type : types) {
      int n = (int) (WEIGHT_BYTES / type.rowBytes(K));
      long bytes = n * type.rowBytes(K) >> 20 << 20;
      numbers(type, weights, n, K);
      var out = arena.allocate(4L * 4 * n, 64);
      var contest =
          contest("GB/s", new Subject("read " + type, bytes, () -> limits.read(weights, bytes)));
      for (int rows : new int[] {1, 2, 4}) {
        contest.add(
            "%s x %d".formatted(type, rows),
            n * type.rowBytes(K),
            () -> matmul(x, weights, type, out, rows, n));
      }
      System.out.print(contest.run());
    }
  }

  /** Weights that no cache holds times 8 to 64 rows; a few of them times 256 and 512. */
  private void gemm(ElementType[] types) {
    var x = floats(512 * K);
    int widest = (int) (GEMM_BYTES / ElementType.INT4.rowBytes(K)); // the type of fewest bytes
    var out = arena.allocate(4L * Math.max(512 * MANY_ROWS_OUTPUTS, 64 * widest), 64);
    for (var type : types) {
      int most = Math.max(MANY_ROWS_OUTPUTS, (int) (GEMM_BYTES / type.rowBytes(K)));
      var weights = arena.allocate(most * type.rowBytes(K), 64);
      numbers(type, weights, most, K);
      var contest =
          contest("GF/s", new Subject("multiply-add", limits.multiplyWork(), limits::multiply));
      for (int rows : new int[] {8, 16, 32, 64, 256, 512}) {
        int n = rows > 64 ? MANY_ROWS_OUTPUTS : most;
        contest.add(
            "%s x %d".formatted(type, rows),
            2.0 * rows * n * K,
            () -> matmul(x, weights, type, out, rows, n));
      }
      System.out.print(contest.run());
    }
  }

  private void matmul(
      MemorySegment x, MemorySegment w, ElementType type, MemorySegment out, int rows, int n) {
    kernels.matmul(x, 0, 4L * K, w, 0, type, null, 0, out, 0, 4L * n, rows, K, 0, n);
  }

  /** A query row over 4096 stored tokens, and prompts of 512 and 2048 over themselves. */
  private void attention(ElementType[] types) {
    int tokens = 4096;
    int[] prompts = {512, 2048};
    int most = 2048;
    var q = floats(most * HEADS * HEAD_DIM);
    var o = arena.allocate(4L * most * HEADS * HEAD_DIM, 64);
    var state = arena.allocate(8L * most * HEADS, 64);
    int[] one = {tokens};
    int[] causal = new int[most];
    Arrays.setAll(causal, r -> r + 1);
    for (var type : types) {
      if (type.wholeGroups()) {
        continue; // no type for keys and values
      }
      for (int kvHeads : new int[] {HEADS, KV_HEADS}) {
        int group = HEADS / kvHeads;
        int vectors = tokens * kvHeads;
        long bytes = vectors * type.rowBytes(HEAD_DIM);
        var kv = arena.allocate(2 * bytes, 64);
        numbers(type, kv, 2 * vectors, HEAD_DIM);
        long whole = 2 * bytes >> 20 << 20;
        var decode = contest("GB/s", new Subject("read KV", whole, () -> limits.read(kv, whole)));
        decode.add(
            "%s decode, group of %d".formatted(type, group),
            2 * bytes,
            () -> attend(q, kv, bytes, type, kvHeads, one, 1, o, state));
        System.out.print(decode.run());
        var prefill =
            contest("GF/s", new Subject("multiply-add", limits.multiplyWork(), limits::multiply));
        for (int rows : prompts) {
          prefill.add(
              "%s prefill of %d, group of %d".formatted(type, rows, group),
              4.0 * HEADS * HEAD_DIM * rows * (rows + 1) / 2,
              () -> attend(q, kv, bytes, type, kvHeads, causal, rows, o, state));
        }
        System.out.print(prefill.run());
      }
    }
  }

  private void attend(
      MemorySegment q,
      MemorySegment kv,
      long values,
      ElementType type,
      int kvHeads,
      int[] lengths,
      int rows,
      MemorySegment o,
      MemorySegment state) {
    long head = type.rowBytes(HEAD_DIM);
    long stride = 4L * HEADS * HEAD_DIM;
    long kvStride = values / kvHeads; // all tokens of a head, as the host stores them
    kernels.attention(
        q, 0, stride, kv, 0, kv, values, type, head, kvStride, lengths, 0, 0.088f, o, 0, stride,
        state, 0, rows, HEADS, kvHeads, 0, kvHeads, HEAD_DIM);
  }

  private MemorySegment floats(int count) {
    var numbers = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++) {
      numbers.set(ValueLayout.JAVA_FLOAT, 4L * i, (float) random.nextGaussian());
    }
    return numbers;
  }

  /** Fills rows with plausible numbers: a few random rows, over and over. */
  private void numbers(ElementType type, MemorySegment rows, int count, int width) {
    int distinct = Math.min(count, 32);
    long rowBytes = type.rowBytes(width);
    if (type.wholeGroups()) {
      var bytes = new byte[Math.toIntExact(distinct * rowBytes)];
      random.nextBytes(bytes);
      MemorySegment.copy(bytes, 0, rows, ValueLayout.JAVA_BYTE, 0, bytes.length);
      long block = type.rowBytes(type.group());
      for (long at = 0; at < distinct * rowBytes; at += block) {
        short small = Float.floatToFloat16(0.001f);
        switch (type) {
          case Q4_K -> {
            rows.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, small);
            rows.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2, small);
          }
          case Q6_K -> rows.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 208, small);
          case F32, F16, BF16, INT8, INT4, Q8_0, Q4_0 ->
              rows.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, small);
        }
      }
    } else {
      var wide = floats(distinct * width);
      kernels.narrow(wide, 0, 4L * width, rows, 0, rowBytes, type, distinct, width);
    }
    for (int row = distinct; row < count; row++) {
      MemorySegment.copy(rows, row % distinct * rowBytes, rows, row * rowBytes, rowBytes);
    }
  }
}
