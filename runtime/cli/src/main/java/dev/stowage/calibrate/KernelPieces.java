package dev.stowage.calibrate;

import dev.stowage.optimizer.cost.Speeds;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.RopeScaling;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.RopeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * The kernels of a host at the shapes of plans: products by type and rows, with matrices from
 * memory and from caches, unpacking included where numbers are quantized, and small ones; attention
 * of one row and of a prompt's by type and tokens; what else a layer does with activations; copies.
 */
final class KernelPieces {
  /** Close to each other where kernels take several rows at a time, and fewer cost as much. */
  private static final int[] ROWS = {1, 2, 4, 8, 16, 32, 64, 256};

  /** Just below 64 too: there the work is first shared by threads. */
  private static final int[] TOKENS = {1, 16, 48, 64, 256, 1024};

  /** Tokens that a row of a prompt reads, between its first row and its last. */
  private static final int[] MEAN_TOKENS = {4, 16, 64, 256};

  /** The most rows of a prompt that attend at once here. */
  private static final int PROMPT_ROWS = 128;

  private static final int HEAD_DIM = 64;
  private static final int HEADS = Speeds.KV_WIDTH / HEAD_DIM;
  private static final int ROW = HEADS * HEAD_DIM;
  private static final List<ElementType> PRODUCTS =
      List.of(
          ElementType.F32, ElementType.F16, ElementType.BF16, ElementType.INT8, ElementType.INT4);

  /** Of the small products that tell what one costs by being called. */
  private static final List<ElementType> CALLED =
      List.of(ElementType.F32, ElementType.F16, ElementType.BF16);

  private static final int[] CALLED_ROWS = {1, 4, 16};

  private static final int[] SMALL_ROWS = {1, 4, 16, 64, 256};

  /** How many times the side of a small product's matrix goes into that of the others. */
  private static final int SMALLER = Speeds.COLUMNS / Speeds.SMALL_COLUMNS;

  /** So few that memory is waited for, so many that caches are faster. */
  private static final int SWEEP_ROWS = 4;

  /** Of matrices that take turns, between those that caches hold and those that they do not. */
  private static final int[] SWEEP_MEBIBYTES = {8, 16, 24, 32, 48};

  /** The type that stands for all where one is measured. */
  private static final ElementType SWEPT = ElementType.F16;

  private static final List<ElementType> CACHES =
      List.of(
          ElementType.F32, ElementType.F16, ElementType.BF16, ElementType.INT8, ElementType.INT4);
  private static final List<ElementType> PROMPT_CACHES = List.of(ElementType.F32, ElementType.F16);

  /**
   * Of all keys and values that single rows attend to, one cache after the other: a step reads a
   * layer's once, and has read all weights since it last did.
   */
  private static final long CACHE_BYTES = 32L << 20;

  private static final int MLP = 1408;
  private static final long F32 = Float.BYTES;

  /** How much slower than it should be at least a kernel is that is in doubt. */
  private static final double DOUBT = 1.15;

  /** The name of {@link #reference}. */
  static final String REFERENCE = "products";

  private static final String COPY = "copy";
  private static final String ELEMENTWISE = "elementwise";

  private final Kernels kernels;
  private final int side;
  private final double warmSeconds;
  private final double timedSeconds;
  private final MemorySegment x;
  private final MemorySegment out;
  private final MemorySegment weight;
  private final RopeTable rotations;
  private final Map<ElementType, MemorySegment> matrices = new EnumMap<>(ElementType.class);
  private final Map<ElementType, MemorySegment> caches = new EnumMap<>(ElementType.class);

  /**
   * @param arena shared with the kernels' threads
   * @param side rows and columns of a matrix
   */
  KernelPieces(Kernels kernels, Arena arena, int side, double warmSeconds, double timedSeconds) {
    this(kernels, arena, PRODUCTS, side, warmSeconds, timedSeconds);
  }

  /**
   * @param types of the matrices that products may have
   */
  KernelPieces(
      Kernels kernels,
      Arena arena,
      List<ElementType> types,
      int side,
      double warmSeconds,
      double timedSeconds) {
    this.kernels = kernels;
    this.side = side;
    this.warmSeconds = warmSeconds;
    this.timedSeconds = timedSeconds;
    x =
        numbers(
            arena, Math.max((long) ROWS[ROWS.length - 1] * side, (long) PROMPT_ROWS * (ROW + MLP)));
    out = arena.allocate(x.byteSize(), 64);
    weight = numbers(arena, ROW);
    rotations =
        RopeTable.create(
            (bytes, alignment) -> arena.allocate(bytes, alignment),
            PROMPT_ROWS,
            HEAD_DIM,
            1e4,
            new RopeScaling.None());
    var matrix =
        numbers(
            arena, Math.max((long) side * side, 2L * TOKENS[TOKENS.length - 1] * HEADS * HEAD_DIM));
    for (var type : types) {
      long bytes = side * type.rowBytes(side);
      long count = Math.ceilDiv(Speeds.MEMORY_BYTES, bytes);
      var all = arena.allocate(count * bytes, 64);
      kernels.narrow(matrix, 0, side * F32, all, 0, type.rowBytes(side), type, side, side);
      for (long i = 1; i < count; i++) {
        MemorySegment.copy(all, 0, all, i * bytes, bytes);
      }
      matrices.put(type, all);
    }
    int most = TOKENS[TOKENS.length - 1];
    for (var type : CACHES) {
      long bytes = cacheBytes(type, most);
      long count = Math.ceilDiv(CACHE_BYTES, bytes);
      var all = arena.allocate(count * bytes, 64);
      kernels.narrow(
          matrix,
          0,
          HEAD_DIM * F32,
          all,
          0,
          type.rowBytes(HEAD_DIM),
          type,
          2 * most * HEADS,
          HEAD_DIM);
      for (long i = 1; i < count; i++) {
        MemorySegment.copy(all, 0, all, i * bytes, bytes);
      }
      caches.put(type, all);
    }
  }

  /** Bytes of keys and values of so many tokens. */
  private static long cacheBytes(ElementType type, int tokens) {
    return 2L * tokens * HEADS * type.rowBytes(HEAD_DIM);
  }

  private static MemorySegment numbers(Arena arena, long count) {
    var random = new SplittableRandom(1);
    var segment = arena.allocate(count * F32, 64);
    for (long i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextDouble() - 0.5) / 8);
    }
    return segment;
  }

  List<Piece> pieces() {
    var pieces = new ArrayList<Piece>();
    for (var type : PRODUCTS) {
      for (int rows : ROWS) {
        pieces.add(product(Measure.MATMUL, type, rows));
        pieces.add(product(Measure.MATMUL_CACHED, type, rows));
      }
    }
    for (var type : PRODUCTS) {
      for (int rows : SMALL_ROWS) {
        pieces.add(product(small(type, rows), Speeds.CACHED_BYTES, type, rows, side / SMALLER));
      }
    }
    for (int mebibytes : SWEEP_MEBIBYTES) {
      pieces.add(sweep(mebibytes));
    }
    for (var type : CACHES) {
      for (int tokens : TOKENS) {
        pieces.add(attention(type, tokens));
      }
    }
    for (int tokens : TOKENS) {
      pieces.add(groupedAttention(tokens));
    }
    for (var type : PROMPT_CACHES) {
      for (int tokens : MEAN_TOKENS) {
        pieces.add(promptAttention(type, tokens));
      }
    }
    pieces.add(elementwise(1));
    pieces.add(elementwise(PROMPT_ROWS));
    var memory = matrices.get(ElementType.F32);
    long half = memory.byteSize() / 2;
    var target = matrices.get(ElementType.BF16).asSlice(0, half); // timed last: nothing reads it
    pieces.add(
        new Repeated(
            COPY, () -> MemorySegment.copy(memory, 0, target, 0, half), warmSeconds, timedSeconds));
    return pieces;
  }

  /** Products that wait for memory, and products that compute: as fast as the machine is then. */
  Piece reference() {
    return new Composite(
        REFERENCE,
        List.of(
            product(Measure.MATMUL, ElementType.F32, 4),
            product(Measure.MATMUL_CACHED, ElementType.F16, 64)));
  }

  /** Copied bytes a second. */
  static double copyRate(Map<String, Double> seconds) {
    return Speeds.MEMORY_BYTES / 2.0 / seconds.get(COPY);
  }

  /**
   * Bytes of activations a second, of {@link Speeds#layerBytes}: what many rows take beyond one, so
   * that what a kernel costs by being called is not in it.
   */
  static double elementwiseRate(Map<String, Double> seconds) {
    double more = elementwiseBytes(PROMPT_ROWS) - elementwiseBytes(1);
    double one = seconds.get(ELEMENTWISE + " 1");
    double many = seconds.get(ELEMENTWISE + " " + PROMPT_ROWS);
    return more / (many > 2 * one ? many - one : many);
  }

  private static double elementwiseBytes(int rows) {
    return rows * F32 * (6.0 * ROW + 2.0 * MLP);
  }

  /**
   * What a product takes whatever its size: small ones, with matrices from caches too, take that
   * and their share of what large ones take beyond it. The median of some types and rows.
   */
  static double productLatency(Map<String, Double> seconds) {
    double shares = SMALLER * SMALLER;
    return Math.max(
        0,
        Rounds.median(
            CALLED.stream()
                .flatMapToDouble(
                    type ->
                        Arrays.stream(CALLED_ROWS)
                            .mapToDouble(
                                rows -> {
                                  double small = seconds.get(small(type, rows));
                                  double large =
                                      seconds.get(name(Measure.MATMUL_CACHED, type, rows));
                                  return (shares * small - large) / (shares - 1);
                                }))
                .toArray()));
  }

  /** The curves that the medians make; those of products tell what they take beyond a latency. */
  List<RateCurve> curves(Map<String, Double> seconds) {
    var curves = new ArrayList<RateCurve>();
    double latency = productLatency(seconds);
    for (var measure : List.of(Measure.MATMUL, Measure.MATMUL_CACHED)) {
      for (var type : PRODUCTS) {
        var points = new TreeMap<Long, RateValue>();
        for (int rows : ROWS) {
          double all = seconds.get(name(measure, type, rows));
          double beyond = Math.max(all - latency, all / 2);
          points.put((long) rows, measured(productFlops(rows) / beyond));
        }
        curves.add(new RateCurve(measure, Optional.of(type), points));
      }
    }
    for (var type : PRODUCTS) {
      var points = new TreeMap<Long, RateValue>();
      for (int rows : SMALL_ROWS) {
        double all = seconds.get(small(type, rows));
        double beyond = Math.max(all - latency, all / 2);
        points.put((long) rows, measured(productFlops(rows) / SMALLER / SMALLER / beyond));
      }
      curves.add(new RateCurve(Measure.MATMUL_SMALL, Optional.of(type), points));
    }
    curves.add(sweepCurve(seconds));
    curves.add(groupedCurve(seconds));
    for (var type : CACHES) {
      var points = new TreeMap<Long, RateValue>();
      for (int tokens : TOKENS) {
        double flops = 4.0 * HEADS * HEAD_DIM * tokens;
        points.put(
            (long) tokens, measured(flops / seconds.get(name(Measure.ATTEND, type, tokens))));
      }
      curves.add(new RateCurve(Measure.ATTEND, Optional.of(type), points));
    }
    for (var type : PROMPT_CACHES) {
      var points = new TreeMap<Long, RateValue>();
      for (int tokens : MEAN_TOKENS) {
        double pairs = Arrays.stream(promptLengths(tokens)).sum();
        points.put(
            (long) tokens,
            measured(4.0 * ROW * pairs / seconds.get(name(Measure.ATTEND_PROMPT, type, tokens))));
      }
      curves.add(new RateCurve(Measure.ATTEND_PROMPT, Optional.of(type), points));
    }
    return curves;
  }

  /** From the products whose matrices lie in caches to those whose matrices come from memory. */
  private RateCurve sweepCurve(Map<String, Double> seconds) {
    var points = new TreeMap<Long, RateValue>();
    double flops = productFlops(SWEEP_ROWS);
    points.put(
        Speeds.CACHED_BYTES,
        measured(flops / seconds.get(name(Measure.MATMUL_CACHED, SWEPT, SWEEP_ROWS))));
    points.put(
        Speeds.MEMORY_BYTES,
        measured(flops / seconds.get(name(Measure.MATMUL, SWEPT, SWEEP_ROWS))));
    for (int mebibytes : SWEEP_MEBIBYTES) {
      double all = flops * count(SWEPT, (long) mebibytes << 20);
      points.put(
          (long) mebibytes << 20,
          measured(all / seconds.get(name(Measure.SWEEP, SWEPT, mebibytes))));
    }
    return new RateCurve(Measure.SWEEP, Optional.of(SWEPT), points);
  }

  private static RateCurve groupedCurve(Map<String, Double> seconds) {
    var points = new TreeMap<Long, RateValue>();
    for (int tokens : TOKENS) {
      double flops = 4.0 * Speeds.GROUP * ROW * tokens;
      points.put(
          (long) tokens,
          measured(flops / seconds.get(name(Measure.ATTEND_GROUPED, SWEPT, tokens))));
    }
    return new RateCurve(Measure.ATTEND_GROUPED, Optional.of(SWEPT), points);
  }

  /**
   * What cannot be right: a kernel that takes longer than it does for the next more, or works at a
   * lower rate than for the next fewer, or is slower with a matrix from caches than from memory.
   */
  static Set<String> doubtful(Map<String, Double> seconds) {
    var names = new LinkedHashSet<String>();
    for (var type : PRODUCTS) {
      for (var measure : List.of(Measure.MATMUL, Measure.MATMUL_CACHED)) {
        addDoubtful(measure, type, ROWS, seconds, names);
      }
      for (int rows : ROWS) {
        String cached = name(Measure.MATMUL_CACHED, type, rows);
        if (seconds.get(cached) > DOUBT * seconds.get(name(Measure.MATMUL, type, rows))) {
          names.add(cached);
        }
      }
    }
    for (var type : CACHES) {
      addDoubtful(Measure.ATTEND, type, TOKENS, seconds, names);
    }
    return names;
  }

  /** Of kernels whose work grows with their size as it does. */
  private static void addDoubtful(
      Measure measure,
      ElementType type,
      int[] sizes,
      Map<String, Double> seconds,
      Set<String> names) {
    for (int i = 0; i < sizes.length; i++) {
      double here = seconds.get(name(measure, type, sizes[i]));
      boolean aboveNext =
          i + 1 < sizes.length && here > DOUBT * seconds.get(name(measure, type, sizes[i + 1]));
      boolean slowerThanLast =
          i > 0
              && here / sizes[i]
                  > DOUBT * seconds.get(name(measure, type, sizes[i - 1])) / sizes[i - 1];
      if (aboveNext || slowerThanLast) {
        names.add(name(measure, type, sizes[i]));
      }
    }
  }

  static RateValue measured(double rate) {
    return new RateValue(HostFile.rounded(rate), Origin.MEASURED);
  }

  private static String name(Measure measure, ElementType type, int size) {
    return "%s %s %d".formatted(measure.word(), type.word(), size);
  }

  private static String small(ElementType type, int rows) {
    return "small product %s %d".formatted(type.word(), rows);
  }

  double productFlops(int rows) {
    return 2.0 * rows * side * side;
  }

  Piece product(Measure measure, ElementType type, int rows) {
    long extent = measure == Measure.MATMUL ? matrices.get(type).byteSize() : Speeds.CACHED_BYTES;
    return product(name(measure, type, rows), extent, type, rows, side);
  }

  /**
   * Products with one matrix after the other.
   *
   * @param extent bytes of all of them
   * @param side rows and columns of one
   */
  private Piece product(String name, long extent, ElementType type, int rows, int side) {
    var all = matrices.get(type);
    long bytes = side * type.rowBytes(side);
    long count = Math.max(1, extent / bytes);
    var unit =
        new Runnable() {
          private long next;

          @Override
          public void run() {
            long at = next++ % count * bytes;
            kernels.matmul(
                x, 0, side * F32, all, at, type, null, 0, out, 0, side * F32, rows, side, 0, side);
          }
        };
    return new Repeated(name, unit, warmSeconds, timedSeconds);
  }

  /** Products with so many bytes of matrices, one after the other: all of them. */
  private Piece sweep(int mebibytes) {
    var all = matrices.get(SWEPT);
    long bytes = side * SWEPT.rowBytes(side);
    long count = count(SWEPT, (long) mebibytes << 20);
    Runnable unit =
        () -> {
          for (long i = 0; i < count; i++) {
            kernels.matmul(
                x,
                0,
                side * F32,
                all,
                i * bytes,
                SWEPT,
                null,
                0,
                out,
                0,
                side * F32,
                SWEEP_ROWS,
                side,
                0,
                side);
          }
        };
    return new Repeated(name(Measure.SWEEP, SWEPT, mebibytes), unit, warmSeconds, timedSeconds);
  }

  /** Matrices of so many bytes. */
  private long count(ElementType type, long bytes) {
    return Math.max(1, bytes / (side * type.rowBytes(side)));
  }

  /** A single token is a pass's own, which it has just computed. */
  private Piece attention(ElementType type, int tokens) {
    long extent = tokens == 1 ? cacheBytes(type, 1) : CACHE_BYTES;
    return attention(Measure.ATTEND, type, tokens, tokens, new int[] {tokens}, 1, extent);
  }

  private Piece groupedAttention(int tokens) {
    long extent = tokens == 1 ? cacheBytes(SWEPT, 1) : CACHE_BYTES;
    int[] lengths = {tokens};
    return attention(Measure.ATTEND_GROUPED, SWEPT, tokens, tokens, lengths, Speeds.GROUP, extent);
  }

  private Piece promptAttention(ElementType type, int tokens) {
    int most = TOKENS[TOKENS.length - 1];
    var lengths = promptLengths(tokens);
    return attention(Measure.ATTEND_PROMPT, type, tokens, most, lengths, 1, cacheBytes(type, most));
  }

  /** Rows that see ever more tokens, so many in the mean. */
  private static int[] promptLengths(int mean) {
    int rows = Math.min(2 * mean - 1, PROMPT_ROWS);
    var lengths = new int[rows];
    Arrays.setAll(lengths, row -> 1 + row * (2 * mean - 2) / (rows - 1));
    return lengths;
  }

  /**
   * Attention to one cache after the other.
   *
   * @param capacity tokens that each cache has room for
   * @param lengths how many tokens each row reads
   * @param group query heads that share a head of the caches
   * @param extent bytes of all caches, about
   */
  private Piece attention(
      Measure measure,
      ElementType type,
      int tokens,
      int capacity,
      int[] lengths,
      int group,
      long extent) {
    var all = caches.get(type);
    long row = type.rowBytes(HEAD_DIM);
    long bytes = cacheBytes(type, capacity);
    long count = extent / bytes;
    long width = group * ROW * F32;
    var unit =
        new Runnable() {
          private long next;

          @Override
          public void run() {
            long at = next++ % count * bytes;
            kernels.attention(
                x,
                0,
                width,
                all,
                at,
                all,
                at + bytes / 2,
                type,
                row,
                row * capacity,
                lengths,
                0,
                0.125f,
                out,
                0,
                width,
                out,
                lengths.length * width,
                lengths.length,
                group * HEADS,
                HEADS,
                0,
                HEADS,
                HEAD_DIM);
          }
        };
    return new Repeated(name(measure, type, tokens), unit, warmSeconds, timedSeconds);
  }

  /** What a layer does beside products and attention, with so many rows of one sequence. */
  private Piece elementwise(int rows) {
    var positions = new int[rows];
    Arrays.setAll(positions, row -> row);
    var cache = caches.get(ElementType.F16);
    long head = ElementType.F16.rowBytes(HEAD_DIM);
    long width = ROW * F32;
    long mlp = MLP * F32;
    long gate = rows * width; // behind the hidden states
    long state = rows * width; // behind the partial result
    Runnable unit =
        () -> {
          kernels.rmsNorm(x, 0, width, weight, 0, 1e-5f, out, 0, width, rows, 1, ROW);
          kernels.rope(out, 0, width, rotations, positions, 0, rows, HEADS, HEAD_DIM);
          kernels.rope(out, 0, width, rotations, positions, 0, rows, HEADS, HEAD_DIM);
          for (int i = 0; i < 2 * HEADS; i++) { // keys and values
            kernels.narrow(
                out,
                i % HEADS * HEAD_DIM * F32,
                width,
                cache,
                i * rows * head,
                head,
                ElementType.F16,
                rows,
                HEAD_DIM);
          }
          kernels.mergeAttention(
              out, 0, width, out, state, x, 0, width, x, state, rows, HEADS, 0, HEADS, HEAD_DIM);
          kernels.finishAttention(out, 0, width, out, state, rows, HEADS, HEAD_DIM);
          kernels.add(out, 0, width, x, 0, width, rows, ROW);
          kernels.rmsNorm(x, 0, width, weight, 0, 1e-5f, out, 0, width, rows, 1, ROW);
          kernels.siluMultiply(out, gate, mlp, x, gate, mlp, rows, MLP);
          kernels.add(out, 0, width, x, 0, width, rows, ROW);
        };
    return new Repeated(ELEMENTWISE + " " + rows, unit, warmSeconds, timedSeconds);
  }
}
