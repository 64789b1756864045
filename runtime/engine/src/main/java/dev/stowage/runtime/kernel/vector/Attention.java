package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Mergeable attention, shared out over tiles of up to {@value #TILE_ROWS} rows x one key/value head
 * (x a part of its query heads where there would be fewer tiles than threads).
 *
 * <p>A tile walks once over the tokens in blocks of {@value #BLOCK}: it widens the block's keys and
 * values into heap arrays, and every query of the tile that still sees tokens there updates its
 * running (m, l, o). Blocks begin at multiples of {@value #BLOCK}, so a query's result depends on
 * its own length only.
 */
final class Attention implements WorkerPool.Task {
  private static final int TILE_ROWS = 8;
  private static final int BLOCK = 32;

  /** Multiply-adds below which a second thread does not pay. */
  private static final long SERIAL_WORK = 1 << 16;

  /** What one worker scribbles on; a query is a (row, head) of its tile. */
  private static final class Scratch {
    private final float[] scores = new float[BLOCK + 1]; // the last: see score
    private float[] keys = new float[0]; // [BLOCK, headDim]
    private float[] values = new float[0]; // [BLOCK, headDim]
    private float[] q = new float[0]; // [queries, headDim]
    private float[] o = new float[0]; // [queries, headDim]
    private float[] m = new float[0]; // [queries]
    private float[] l = new float[0]; // [queries]
    private float kept; // what the last maximum leaves of the sums so far

    private void fit(int queries, int headDim) {
      if (keys.length < BLOCK * headDim) {
        keys = new float[BLOCK * headDim];
        values = new float[BLOCK * headDim];
      }
      if (q.length < queries * headDim) {
        q = new float[queries * headDim];
        o = new float[queries * headDim];
      }
      if (m.length < queries) {
        m = new float[queries];
        l = new float[queries];
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
    group = heads / kvHeads;
    int rowTiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    partHeads = group;
    parts = 1;
    int tiles = rowTiles * kvCount;
    while (tiles * parts < pool.threads() && partHeads > 1) {
      partHeads = (partHeads + 1) / 2;
      parts = (group + partHeads - 1) / partHeads;
    }
    for (Scratch scratch : scratches) {
      scratch.fit(Math.min(rows, TILE_ROWS) * group, headDim);
    }
    int units = tiles * parts;
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
    for (int unit = from; unit < to; unit++) { // unit = (row tile * heads + head) * parts + part
      int row = unit / (parts * kvCount) * TILE_ROWS;
      int kv = unit / parts % kvCount;
      int part = unit % parts * partHeads;
      int count = Math.min(partHeads, group - part);
      tile(scratches[worker], row, Math.min(TILE_ROWS, rows - row), kv, part, count);
    }
  }

  /**
   * Rows {@code [row, row + tileRows)} times the {@code count} query heads of key/value head {@code
   * kvFrom + kv} from the {@code part}-th on.
   */
  private void tile(Scratch s, int row, int tileRows, int kv, int part, int count) {
    int longest = 0;
    for (int r = 0; r < tileRows; r++) {
      longest = Math.max(longest, lengths[first + row + r]);
    }
    int firstHead = (kvFrom + kv) * group + part;
    begin(s, row, tileRows, firstHead, count);
    for (int token = 0; token < longest; token += BLOCK) {
      int tokens = Math.min(BLOCK, longest - token);
      long at = token * tokenStride + kv * headStride;
      for (int t = 0; t < tokens; t++) {
        Lanes.widen(type, k, kOffset + at + t * tokenStride, s.keys, t * headDim, headDim);
        Lanes.widen(type, v, vOffset + at + t * tokenStride, s.values, t * headDim, headDim);
      }
      for (int r = 0; r < tileRows; r++) {
        int seen = Math.min(tokens, lengths[first + row + r] - token);
        for (int h = 0; h < count && seen > 0; h++) {
          block(s, r * count + h, seen);
        }
      }
    }
    end(s, row, tileRows, firstHead, count);
  }

  private void begin(Scratch s, int row, int tileRows, int firstHead, int count) {
    int queries = tileRows * count;
    Arrays.fill(s.o, 0, queries * headDim, 0f);
    Arrays.fill(s.l, 0, queries, 0f);
    Arrays.fill(s.m, 0, queries, Float.NEGATIVE_INFINITY);
    for (int r = 0; r < tileRows; r++) {
      long at = qOffset + (row + r) * qStride + 4L * firstHead * headDim;
      MemorySegment.copy(q, Elements.F32, at, s.q, r * count * headDim, count * headDim);
    }
  }

  private void end(Scratch s, int row, int tileRows, int firstHead, int count) {
    for (int r = 0; r < tileRows; r++) {
      long at = oOffset + (row + r) * oStride + 4L * firstHead * headDim;
      MemorySegment.copy(s.o, r * count * headDim, o, Elements.F32, at, count * headDim);
      for (int h = 0; h < count; h++) {
        long pair = stateOffset + 8L * ((long) (row + r) * heads + firstHead + h);
        state.set(Elements.F32, pair, s.m[r * count + h]);
        state.set(Elements.F32, pair + 4, s.l[r * count + h]);
      }
    }
  }

  /**
   * A part of a block's work. An interface, so that C2 compiles each part by itself: all of them
   * inlined into one method are more than it takes, and vectors would become objects.
   */
  private interface Part {
    void run(Attention attention, Scratch s, int query, int tokens);
  }

  private static final Part[] PARTS = {
    (attention, s, query, tokens) -> {
      float before = s.m[query];
      float m = Math.max(before, attention.scores(s, query, tokens));
      s.kept = before == Float.NEGATIVE_INFINITY ? 0f : Exp.of(before - m);
      s.m[query] = m;
    },
    (attention, s, query, tokens) ->
        s.l[query] = s.l[query] * s.kept + exponentials(s.scores, s.m[query], tokens),
    (attention, s, query, tokens) ->
        accumulate(
            s.scores, s.values, tokens, attention.headDim, s.o, query * attention.headDim, s.kept)
  };

  /** Updates one query's running softmax by the first {@code tokens} tokens of the block. */
  private void block(Scratch s, int query, int tokens) {
    for (var part : PARTS) {
      part.run(this, s, query, tokens);
    }
  }

  /** Fills the block's scaled scores and returns the largest. */
  private float scores(Scratch s, int query, int tokens) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int t = 0; t < tokens; t += 2) {
      int other = Math.min(t + 1, tokens - 1);
      score(s.q, query * headDim, s.keys, t * headDim, other * headDim, headDim, s.scores, t);
      s.scores[t] *= scale;
      s.scores[t + 1] *= scale;
      largest = Math.max(largest, Math.max(s.scores[t], s.scores[other]));
    }
    return largest;
  }

  /** Two dot products at a time, to hide latency; an odd last one is done twice. */
  private static void score(
      float[] q, int q0, float[] k, int k0, int k1, int n, float[] scores, int at) {
    var s0 = FloatVector.zero(F);
    var s1 = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(n); i != bound; i += LANES) { // not unrolled: see Matmul
      var qi = FloatVector.fromArray(F, q, q0 + i);
      s0 = qi.fma(FloatVector.fromArray(F, k, k0 + i), s0);
      s1 = qi.fma(FloatVector.fromArray(F, k, k1 + i), s1);
    }
    float sum0 = Lanes.sum(s0);
    float sum1 = Lanes.sum(s1);
    for (; i < n; i++) {
      sum0 = Math.fma(q[q0 + i], k[k0 + i], sum0);
      sum1 = Math.fma(q[q0 + i], k[k1 + i], sum1);
    }
    scores[at] = sum0;
    scores[at + 1] = sum1;
  }

  /** Replaces scores by {@code exp(score - m)} and returns their sum. */
  private static float exponentials(float[] scores, float m, int n) {
    int i = 0;
    for (int bound = F.loopBound(n); i < bound; i += LANES) {
      Exp.of(FloatVector.fromArray(F, scores, i).sub(m)).intoArray(scores, i);
    }
    for (; i < n; i++) {
      scores[i] = Exp.of(scores[i] - m);
    }
    float sum = 0;
    for (int t = 0; t < n; t++) {
      sum += scores[t];
    }
    return sum;
  }

  /** {@code o = o * kept + sum_t p[t] * v[t, :]}. */
  private static void accumulate(
      float[] p, float[] v, int tokens, int n, float[] o, int o0, float kept) {
    int d = 0;
    for (; d <= n - 4 * LANES; d += 4 * LANES) {
      accumulateFour(p, v, tokens, n, d, o, o0 + d, kept);
    }
    for (; d <= n - LANES; d += LANES) {
      accumulateOne(p, v, tokens, n, d, o, o0 + d, kept);
    }
    for (; d < n; d++) {
      float sum = o[o0 + d] * kept;
      for (int t = 0; t < tokens; t++) {
        sum = Math.fma(p[t], v[t * n + d], sum);
      }
      o[o0 + d] = sum;
    }
  }

  private static void accumulateFour(
      float[] p, float[] v, int tokens, int n, int d, float[] o, int at, float kept) {
    var s0 = FloatVector.fromArray(F, o, at).mul(kept);
    var s1 = FloatVector.fromArray(F, o, at + LANES).mul(kept);
    var s2 = FloatVector.fromArray(F, o, at + 2 * LANES).mul(kept);
    var s3 = FloatVector.fromArray(F, o, at + 3 * LANES).mul(kept);
    for (int t = 0; t < tokens; t++) {
      var pt = FloatVector.broadcast(F, p[t]);
      int vt = t * n + d;
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

  private static void accumulateOne(
      float[] p, float[] v, int tokens, int n, int d, float[] o, int at, float kept) {
    var sum = FloatVector.fromArray(F, o, at).mul(kept);
    for (int t = 0; t < tokens; t++) {
      sum = FloatVector.broadcast(F, p[t]).fma(FloatVector.fromArray(F, v, t * n + d), sum);
    }
    sum.intoArray(o, at);
  }
}
