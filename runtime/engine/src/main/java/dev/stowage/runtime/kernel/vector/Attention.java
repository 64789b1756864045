package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Mergeable attention, shared out over tiles of about {@value #TILE_QUERIES} queries, which are
 * rows x the query heads of one key/value head (x a part of those where there would be fewer tiles
 * than threads).
 *
 * <p>A tile walks once over the tokens in blocks of {@value #BLOCK}: it widens the block's keys and
 * values into heap arrays, and every query of the tile that still sees tokens there updates its
 * running (m, l, o). Scores are taken of two queries and four keys at a time, and sums of values of
 * two queries and four vectors, so that what is loaded is used more than once. Blocks begin at
 * multiples of {@value #BLOCK}, and every sum has one order, so a query's result depends on its own
 * length only.
 */
final class Attention implements WorkerPool.Task {
  private static final int TILE_QUERIES = 64;
  private static final int BLOCK = 64;

  /** Tokens whose values are multiplied together. */
  private static final int RUN = 32;

  /** Keys whose scores are folded together: one for each lane, where there is a way to do that. */
  private static final int KEYS = LANES == 16 ? 16 : 8;

  /** Keys that lie interleaved vector by vector, as queries do two by two. */
  private static final int INTERLEAVED = 4;

  /** Floats from an array's header to where vectors cross no cache line: see {@link Matmul}. */
  private static final int ALIGN = 4;

  /** Multiply-adds below which a second thread does not pay. */
  private static final long SERIAL_WORK = 1 << 16;

  /**
   * What one worker scribbles on; a query is a (row, head) of its tile. Vectors begin {@value
   * #ALIGN} floats behind the beginning of an array.
   */
  private static final class Scratch {
    private final float[] lanes = new float[LANES];
    private float[] keys = new float[0]; // [BLOCK / 4, padded / LANES, 4, LANES]
    private float[] values = new float[0]; // [BLOCK, padded]
    private float[] q = new float[0]; // [queries / 2, padded / LANES, 2, LANES], scaled
    private float[] o = new float[0]; // [queries, padded]
    private float[] scores = new float[0]; // [queries, BLOCK]
    private float[] sums = new float[0]; // [queries, KEYS, LANES], not folded
    private float[] m = new float[0]; // [queries]
    private float[] l = new float[0]; // [queries]
    private int[] seen = new int[0]; // [queries]: tokens of the block

    private void fit(int most, int padded) {
      int queries = most + most % 2; // always in pairs
      if (keys.length < ALIGN + BLOCK * padded) {
        keys = new float[ALIGN + BLOCK * padded];
        values = new float[ALIGN + BLOCK * padded];
      }
      if (q.length < ALIGN + queries * padded) {
        q = new float[ALIGN + queries * padded];
        o = new float[ALIGN + queries * padded];
      }
      if (m.length < queries) {
        scores = new float[ALIGN + queries * BLOCK];
        sums = new float[ALIGN + queries * KEYS * LANES];
        m = new float[queries];
        l = new float[queries];
        seen = new int[queries];
      }
    }
  }

  private final WorkerPool pool;
  private final Scratch[] scratches;

  private MemorySegment q;
  private long qOffset;
  private long qStride;
  private MemorySegment k;
  private long kOffset;
  private MemorySegment v;
  private long vOffset;
  private ElementType type;
  private long tokenStride;
  private long headStride;
  private int[] lengths;
  private int first;
  private float scale;
  private MemorySegment o;
  private long oOffset;
  private long oStride;
  private MemorySegment state;
  private long stateOffset;
  private int rows;
  private int heads;
  private int group; // query heads of one key/value head
  private int kvFrom;
  private int kvCount; // key/value heads of the region
  private int headDim;
  private int padded; // headDim, up to whole vectors
  private boolean adjacent; // whether the tokens of a head are one run of numbers
  private int tileRows;
  private int units;
  private int parts; // into which a group is cut
  private int partHeads; // query heads of a part, fewer in the last

  Attention(WorkerPool pool) {
    this.pool = pool;
    scratches = new Scratch[pool.threads()];
    Arrays.setAll(scratches, i -> new Scratch());
  }

  void run(
      MemorySegment q,
      long qOffset,
      long qStride,
      MemorySegment k,
      long kOffset,
      MemorySegment v,
      long vOffset,
      ElementType type,
      long tokenStride,
      long headStride,
      int[] lengths,
      int first,
      float scale,
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int kvHeads,
      int kvFrom,
      int kvTo,
      int headDim) {
    this.q = q;
    this.qOffset = qOffset;
    this.qStride = qStride;
    this.k = k;
    this.kOffset = kOffset;
    this.v = v;
    this.vOffset = vOffset;
    this.type = type;
    this.tokenStride = tokenStride;
    this.headStride = headStride;
    this.lengths = lengths;
    this.first = first;
    this.scale = scale;
    this.o = o;
    this.oOffset = oOffset;
    this.oStride = oStride;
    this.state = state;
    this.stateOffset = stateOffset;
    this.rows = rows;
    this.heads = heads;
    this.kvFrom = kvFrom;
    kvCount = kvTo - kvFrom;
    this.headDim = headDim;
    padded = (headDim + LANES - 1) / LANES * LANES;
    adjacent =
        padded == headDim && tokenStride == type.rowBytes(headDim) && headDim % type.group() == 0;
    group = heads / kvHeads;
    tileRows = Math.max(1, Math.min(rows, TILE_QUERIES / group));
    int tiles = (rows + tileRows - 1) / tileRows * kvCount;
    partHeads = group;
    parts = 1;
    while (tiles * parts < pool.threads() && partHeads > 1) {
      partHeads = (partHeads + 1) / 2;
      parts = (group + partHeads - 1) / partHeads;
    }
    for (Scratch scratch : scratches) {
      scratch.fit(tileRows * partHeads, padded);
    }
    units = tiles * parts;
    pool.run(this, units, work() < SERIAL_WORK ? Math.max(1, units) : 1);
    this.q = null; // neither memory nor array is kept reachable beyond the call
    this.k = null;
    this.v = null;
    this.o = null;
    this.state = null;
    this.lengths = null;
  }

  private long work() {
    long tokens = 0;
    for (int r = 0; r < rows; r++) {
      tokens += lengths[first + r];
    }
    return 2L * tokens * kvCount * group * headDim;
  }

  @Override
  public void run(int worker, int from, int to) {
    for (int i = from; i < to; i++) {
      int unit = units - 1 - i; // rows of a prompt see the more the later they are
      int row = unit / (parts * kvCount) * tileRows; // unit = (tile * heads + head) * parts + part
      int kv = unit / parts % kvCount;
      int part = unit % parts * partHeads;
      int count = Math.min(partHeads, group - part);
      tile(scratches[worker], row, Math.min(tileRows, rows - row), kv, part, count);
    }
  }

  /**
   * Rows {@code [row, row + count)} times the {@code partCount} query heads of key/value head
   * {@code kvFrom + kv} from the {@code part}-th on.
   */
  private void tile(Scratch s, int row, int count, int kv, int part, int partCount) {
    int longest = 0;
    for (int r = 0; r < count; r++) {
      longest = Math.max(longest, lengths[first + row + r]);
    }
    int firstHead = (kvFrom + kv) * group + part;
    int queries = count * partCount;
    begin(s, row, count, firstHead, partCount);
    for (int token = 0; token < longest; token += BLOCK) {
      int tokens = Math.min(BLOCK, longest - token);
      long at = token * tokenStride + kv * headStride;
      widen(k, kOffset + at, tokens, s.values);
      run(INTERLEAVE, s, queries, padded, tokens);
      widen(v, vOffset + at, tokens, s.values);
      for (int i = 0; i < queries; i++) {
        int length = lengths[first + row + i / partCount];
        s.seen[i] = Math.max(0, Math.min(tokens, length - token));
      }
      if (queries % 2 == 1) {
        s.seen[queries] = 0;
      }
      for (int key = 0; key < tokens; key += KEYS) {
        run(PRODUCTS, s, queries, padded, key);
        run(FOLD, s, queries, padded, key);
      }
      run(MAXIMA, s, queries, padded, tokens);
      run(WEIGHTS, s, queries, padded, tokens);
      run(VALUES, s, queries, padded, tokens);
    }
    end(s, row, count, firstHead, partCount);
  }

  private void widen(MemorySegment from, long offset, int tokens, float[] to) {
    if (adjacent) {
      Lanes.widen(type, from, offset, to, ALIGN, tokens * headDim);
      return;
    }
    for (int t = 0; t < tokens; t++) {
      Lanes.widen(type, from, offset + t * tokenStride, to, ALIGN + t * padded, headDim);
    }
  }

  private void begin(Scratch s, int row, int count, int firstHead, int partCount) {
    int queries = count * partCount;
    Arrays.fill(s.l, 0, queries, 0f);
    Arrays.fill(s.m, 0, queries, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < queries; i++) {
      long head = firstHead + i % partCount;
      long at = qOffset + (row + i / partCount) * qStride + 4 * head * headDim;
      int to = ALIGN + i * padded;
      Lanes.widen(ElementType.F32, q, at, s.o, to, headDim);
      Arrays.fill(s.o, to + headDim, to + padded, 0f);
      layOut(s.o, to, s.q, ALIGN + i / 2 * 2 * padded + i % 2 * LANES, padded, scale);
    }
    Arrays.fill(s.o, ALIGN, ALIGN + queries * padded, 0f);
    for (int t = 0; t < BLOCK && headDim < padded; t++) { // what lies there is of other widths
      int at = ALIGN + t * padded;
      Arrays.fill(s.values, at + headDim, at + padded, 0f);
    }
  }

  private static void layOut(float[] from, int at, float[] q, int to, int n, float scale) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector.fromArray(F, from, at + i).mul(scale).intoArray(q, to + 2 * i);
    }
  }

  private void end(Scratch s, int row, int count, int firstHead, int partCount) {
    for (int i = 0; i < count * partCount; i++) {
      int r = row + i / partCount;
      long head = firstHead + i % partCount;
      long at = oOffset + r * oStride + 4 * head * headDim;
      MemorySegment.copy(s.o, ALIGN + i * padded, o, Elements.F32, at, headDim);
      long pair = stateOffset + 8 * ((long) r * heads + head);
      state.set(Elements.F32, pair, s.m[i]);
      state.set(Elements.F32, pair + 4, s.l[i]);
    }
  }

  /** A part of a block's work, for all queries. */
  private interface Part {
    /**
     * @param n numbers of a head, padded
     * @param at the first of the keys at hand, or the tokens of the block
     */
    void run(Scratch s, int queries, int n, int at);
  }

  private static final int INTERLEAVE = 0;
  private static final int PRODUCTS = 1;
  private static final int FOLD = 2;
  private static final int MAXIMA = 3;
  private static final int WEIGHTS = 4;
  private static final int VALUES = 5;

  private static final Part[] PARTS = {
    Attention::interleave,
    Attention::products,
    switch (LANES) {
      case 8 -> Attention::foldEight;
      case 16 -> Attention::foldSixteen;
      default -> Attention::foldEach;
    },
    Attention::maxima,
    Attention::weights,
    Attention::values
  };

  /**
   * Runs a part: all of them from one place, so that C2 compiles each by itself. Inlined into one
   * method they are more than it takes, and vectors would become objects.
   */
  private static void run(int part, Scratch s, int queries, int n, int at) {
    PARTS[part].run(s, queries, n, at);
  }

  /** Copies the block's keys from where values go. */
  private static void interleave(Scratch s, int queries, int n, int tokens) {
    for (int t = 0; t < tokens; t++) {
      int from = ALIGN + t * n;
      int to = ALIGN + t / INTERLEAVED * INTERLEAVED * n + t % INTERLEAVED * LANES;
      for (int i = 0; i < n; i += LANES) {
        FloatVector.fromArray(F, s.values, from + i).intoArray(s.keys, to + INTERLEAVED * i);
      }
    }
  }

  /** Products of queries and {@link #KEYS} keys, two by four. */
  private static void products(Scratch s, int queries, int n, int key) {
    for (int i = 0; i < queries; i += 2) {
      if (Math.max(s.seen[i], s.seen[i + 1]) > key) {
        int to = ALIGN + i * KEYS * LANES;
        int q0 = ALIGN + i * n;
        for (int j = 0; j < KEYS; j += INTERLEAVED) {
          product(s.q, q0, s.keys, ALIGN + (key + j) * n, n, s.sums, to + j * LANES);
        }
      }
    }
  }

  private static void product(float[] q, int q0, float[] k, int k0, int n, float[] sums, int to0) {
    var s00 = FloatVector.zero(F);
    var s01 = FloatVector.zero(F);
    var s02 = FloatVector.zero(F);
    var s03 = FloatVector.zero(F);
    var s10 = FloatVector.zero(F);
    var s11 = FloatVector.zero(F);
    var s12 = FloatVector.zero(F);
    var s13 = FloatVector.zero(F);
    for (int i = 0; i != 2 * n; i += 2 * LANES) { // not unrolled: see Tiles
      int qi = q0 + i & Tiles.NO_OVERFLOW;
      int ki = k0 + 2 * i & Tiles.NO_OVERFLOW;
      var qa = FloatVector.fromArray(F, q, qi);
      var qb = FloatVector.fromArray(F, q, qi + LANES);
      var c = FloatVector.fromArray(F, k, ki);
      s00 = qa.fma(c, s00);
      s10 = qb.fma(c, s10);
      c = FloatVector.fromArray(F, k, ki + LANES);
      s01 = qa.fma(c, s01);
      s11 = qb.fma(c, s11);
      c = FloatVector.fromArray(F, k, ki + 2 * LANES);
      s02 = qa.fma(c, s02);
      s12 = qb.fma(c, s12);
      c = FloatVector.fromArray(F, k, ki + 3 * LANES);
      s03 = qa.fma(c, s03);
      s13 = qb.fma(c, s13);
    }
    int to1 = to0 + KEYS * LANES;
    s00.intoArray(sums, to0);
    s01.intoArray(sums, to0 + LANES);
    s02.intoArray(sums, to0 + 2 * LANES);
    s03.intoArray(sums, to0 + 3 * LANES);
    s10.intoArray(sums, to1);
    s11.intoArray(sums, to1 + LANES);
    s12.intoArray(sums, to1 + 2 * LANES);
    s13.intoArray(sums, to1 + 3 * LANES);
  }

  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);
  private static final VectorMask<Float> UPPER_8 = upper(0xff00);
  private static final VectorMask<Float> UPPER_4 = upper(0xf0f0);
  private static final VectorMask<Float> UPPER_2 = upper(0xcccc);
  private static final VectorMask<Float> UPPER_1 = upper(0xaaaa);

  private static VectorShuffle<Float> swap(int distance) {
    return VectorShuffle.fromOp(F, i -> (i ^ distance) % LANES);
  }

  private static VectorMask<Float> upper(long lanes) {
    return VectorMask.fromLong(F, lanes & (1L << LANES) - 1);
  }

  /**
   * Scores of eight keys: sums of the lanes of as many vectors, of all at once. Of two vectors each
   * step adds one half to the other, and leaves one vector with a half of each. Every sum is that
   * of {@link Lanes#sum}.
   */
  private static void foldEight(Scratch s, int queries, int n, int key) {
    float[] sums = s.sums;
    for (int i = 0; i < queries; i++) {
      if (s.seen[i] > key) {
        int at = ALIGN + i * KEYS * LANES;
        // both halves in one are more than C2 takes
        for (int half = at; half < at + 2 * LANES; half += LANES) {
          var a = FloatVector.fromArray(F, sums, half);
          var b = FloatVector.fromArray(F, sums, half + 4 * LANES);
          var c = FloatVector.fromArray(F, sums, half + 2 * LANES);
          var d = FloatVector.fromArray(F, sums, half + 6 * LANES);
          var ab = a.blend(b, UPPER_4).add(b.blend(a, UPPER_4).rearrange(SWAP_4));
          var cd = c.blend(d, UPPER_4).add(d.blend(c, UPPER_4).rearrange(SWAP_4));
          ab.blend(cd, UPPER_2).add(cd.blend(ab, UPPER_2).rearrange(SWAP_2)).intoArray(sums, half);
        }
        var a = FloatVector.fromArray(F, sums, at);
        var b = FloatVector.fromArray(F, sums, at + LANES);
        a.blend(b, UPPER_1)
            .add(b.blend(a, UPPER_1).rearrange(SWAP_1))
            .intoArray(s.scores, ALIGN + i * BLOCK + key);
      }
    }
  }

  /** The same of sixteen keys. */
  private static void foldSixteen(Scratch s, int queries, int n, int key) {
    float[] sums = s.sums;
    for (int i = 0; i < queries; i++) {
      if (s.seen[i] > key) {
        int at = ALIGN + i * KEYS * LANES;
        for (int quarter = at; quarter < at + 4 * LANES; quarter += LANES) {
          var a = FloatVector.fromArray(F, sums, quarter);
          var b = FloatVector.fromArray(F, sums, quarter + 8 * LANES);
          var c = FloatVector.fromArray(F, sums, quarter + 4 * LANES);
          var d = FloatVector.fromArray(F, sums, quarter + 12 * LANES);
          var ab = a.blend(b, UPPER_8).add(b.blend(a, UPPER_8).rearrange(SWAP_8));
          var cd = c.blend(d, UPPER_8).add(d.blend(c, UPPER_8).rearrange(SWAP_8));
          ab.blend(cd, UPPER_4)
              .add(cd.blend(ab, UPPER_4).rearrange(SWAP_4))
              .intoArray(sums, quarter);
        }
        var a = FloatVector.fromArray(F, sums, at);
        var b = FloatVector.fromArray(F, sums, at + 2 * LANES);
        var c = FloatVector.fromArray(F, sums, at + LANES);
        var d = FloatVector.fromArray(F, sums, at + 3 * LANES);
        var ab = a.blend(b, UPPER_2).add(b.blend(a, UPPER_2).rearrange(SWAP_2));
        var cd = c.blend(d, UPPER_2).add(d.blend(c, UPPER_2).rearrange(SWAP_2));
        ab.blend(cd, UPPER_1)
            .add(cd.blend(ab, UPPER_1).rearrange(SWAP_1))
            .intoArray(s.scores, ALIGN + i * BLOCK + key);
      }
    }
  }

  /** The same for vectors of other lengths. */
  private static void foldEach(Scratch s, int queries, int n, int key) {
    for (int i = 0; i < queries; i++) {
      for (int j = 0; j < KEYS && s.seen[i] > key; j++) {
        int at = ALIGN + (i * KEYS + j) * LANES;
        s.scores[ALIGN + i * BLOCK + key + j] = Lanes.sum(s.sums, at);
      }
    }
  }

  /** Moves the running maxima on, and makes what was summed so far relative to them. */
  private static void maxima(Scratch s, int queries, int n, int tokens) {
    for (int i = 0; i < queries; i++) {
      int seen = s.seen[i];
      if (seen > 0) {
        int from = ALIGN + i * BLOCK;
        int to = from + (seen + LANES - 1) / LANES * LANES;
        for (int t = from + seen; t < to; t++) {
          s.scores[t] = Float.NEGATIVE_INFINITY;
        }
        float before = s.m[i];
        float m = Math.max(before, largest(s.scores, from, to));
        if (m != before) {
          float kept = Exp.of(before - m);
          s.m[i] = m;
          s.l[i] *= kept;
          scale(s.o, ALIGN + i * n, ALIGN + (i + 1) * n, kept);
        }
      }
    }
  }

  /** Replaces scores by {@code exp(score - m)}, and adds them up. */
  private static void weights(Scratch s, int queries, int n, int tokens) {
    for (int i = 0; i < queries; i++) {
      int seen = s.seen[i];
      if (seen > 0) {
        int from = ALIGN + i * BLOCK;
        int to = from + (seen + LANES - 1) / LANES * LANES;
        exponentials(s.scores, from, to, s.m[i], s.lanes);
        s.l[i] += Lanes.sum(s.lanes, 0);
      }
    }
  }

  private static void scale(float[] x, int from, int to, float scale) {
    for (int i = from; i < to; i += LANES) {
      FloatVector.fromArray(F, x, i).mul(scale).intoArray(x, i);
    }
  }

  /** The largest number of whole vectors; NaN counts for none. */
  private static float largest(float[] x, int from, int to) {
    var largest = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    for (int i = from; i < to; i += LANES) {
      var xi = FloatVector.fromArray(F, x, i);
      largest = largest.blend(xi, xi.compare(VectorOperators.GT, largest));
    }
    return largest.reduceLanes(VectorOperators.MAX);
  }

  private static void exponentials(float[] x, int from, int to, float m, float[] sums) {
    var sum = FloatVector.zero(F);
    for (int i = from; i < to; i += LANES) {
      var e = Exp.of(FloatVector.fromArray(F, x, i).sub(m));
      sum = sum.add(e);
      e.intoArray(x, i);
    }
    sum.intoArray(sums, 0);
  }

  /**
   * {@code o += sum_t p[t] * v[t, :]}, a run of tokens and a strip of their values after the other:
   * rows of values often lie a power of two apart, and more of them would crowd each other out of
   * the fastest cache.
   */
  private static void values(Scratch s, int queries, int n, int tokens) {
    for (int from = 0; from < tokens; from += RUN) {
      int d = 0;
      for (; d <= n - 4 * LANES; d += 4 * LANES) {
        strip(s, queries, n, from, d);
      }
      for (; d < n; d += LANES) {
        for (int i = 0; i < queries; i++) {
          one(s, i, d, n, from, Math.min(s.seen[i], from + RUN));
        }
      }
    }
  }

  private static void strip(Scratch s, int queries, int n, int from, int d) {
    for (int i = 0; i < queries; i++) {
      int to = Math.min(s.seen[i], from + RUN);
      if (i + 1 < queries && to == Math.min(s.seen[i + 1], from + RUN)) {
        if (from < to) {
          twoByFour(s, i, d, n, from, to);
        }
        i++;
      } else if (from < to) {
        four(s, i, d, n, from, to);
      }
    }
  }

  private static void twoByFour(Scratch s, int query, int d, int n, int from, int to) {
    float[] v = s.values;
    float[] o = s.o;
    float[] p = s.scores;
    int o0 = ALIGN + query * n + d & Tiles.NO_OVERFLOW;
    int o1 = o0 + n & Tiles.NO_OVERFLOW;
    var s00 = FloatVector.fromArray(F, o, o0);
    var s01 = FloatVector.fromArray(F, o, o0 + LANES);
    var s02 = FloatVector.fromArray(F, o, o0 + 2 * LANES);
    var s03 = FloatVector.fromArray(F, o, o0 + 3 * LANES);
    var s10 = FloatVector.fromArray(F, o, o1);
    var s11 = FloatVector.fromArray(F, o, o1 + LANES);
    var s12 = FloatVector.fromArray(F, o, o1 + 2 * LANES);
    var s13 = FloatVector.fromArray(F, o, o1 + 3 * LANES);
    int p0 = ALIGN + query * BLOCK;
    for (int i = LANES * from; i != LANES * to; i += LANES) { // not unrolled: see Tiles
      int t = i / LANES;
      int at = ALIGN + d + t * n & Tiles.NO_OVERFLOW;
      var pa = FloatVector.broadcast(F, p[p0 + t]);
      var pb = FloatVector.broadcast(F, p[p0 + BLOCK + t]);
      var c = FloatVector.fromArray(F, v, at);
      s00 = pa.fma(c, s00);
      s10 = pb.fma(c, s10);
      c = FloatVector.fromArray(F, v, at + LANES);
      s01 = pa.fma(c, s01);
      s11 = pb.fma(c, s11);
      c = FloatVector.fromArray(F, v, at + 2 * LANES);
      s02 = pa.fma(c, s02);
      s12 = pb.fma(c, s12);
      c = FloatVector.fromArray(F, v, at + 3 * LANES);
      s03 = pa.fma(c, s03);
      s13 = pb.fma(c, s13);
    }
    s00.intoArray(o, o0);
    s01.intoArray(o, o0 + LANES);
    s02.intoArray(o, o0 + 2 * LANES);
    s03.intoArray(o, o0 + 3 * LANES);
    s10.intoArray(o, o1);
    s11.intoArray(o, o1 + LANES);
    s12.intoArray(o, o1 + 2 * LANES);
    s13.intoArray(o, o1 + 3 * LANES);
  }

  private static void four(Scratch s, int query, int d, int n, int from, int to) {
    float[] v = s.values;
    float[] o = s.o;
    int at = ALIGN + query * n + d & Tiles.NO_OVERFLOW;
    var s0 = FloatVector.fromArray(F, o, at);
    var s1 = FloatVector.fromArray(F, o, at + LANES);
    var s2 = FloatVector.fromArray(F, o, at + 2 * LANES);
    var s3 = FloatVector.fromArray(F, o, at + 3 * LANES);
    for (int t = from; t < to; t++) {
      var pt = FloatVector.broadcast(F, s.scores[ALIGN + query * BLOCK + t]);
      int vt = ALIGN + d + t * n & Tiles.NO_OVERFLOW;
      s0 = pt.fma(FloatVector.fromArray(F, v, vt), s0);
      s1 = pt.fma(FloatVector.fromArray(F, v, vt + LANES), s1);
      s2 = pt.fma(FloatVector.fromArray(F, v, vt + 2 * LANES), s2);
      s3 = pt.fma(FloatVector.fromArray(F, v, vt + 3 * LANES), s3);
    }
    s0.intoArray(o, at);
    s1.intoArray(o, at + LANES);
    s2.intoArray(o, at + 2 * LANES);
    s3.intoArray(o, at + 3 * LANES);
  }

  private static void one(Scratch s, int query, int d, int n, int from, int to) {
    int at = ALIGN + query * n + d;
    var sum = FloatVector.fromArray(F, s.o, at);
    for (int t = from; t < to; t++) {
      var pt = FloatVector.broadcast(F, s.scores[ALIGN + query * BLOCK + t]);
      sum = pt.fma(FloatVector.fromArray(F, s.values, ALIGN + d + t * n), sum);
    }
    sum.intoArray(s.o, at);
  }
}
