package dev.stowage.csd.kernel.vector;

import dev.stowage.csd.kernel.PageAttention;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Page attention in the Vector API. A number's bits depend only on what it is made of. Scores are
 * taken two keys at a time: a single dot product waits for its own sums.
 */
public final class VectorPageAttention implements PageAttention {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final VectorShuffle<Float> ROTATE_8 = rotate(8);
  private static final VectorShuffle<Float> ROTATE_4 = rotate(4);
  private static final VectorShuffle<Float> ROTATE_2 = rotate(2);
  private static final VectorShuffle<Float> ROTATE_1 = rotate(1);

  private static VectorShuffle<Float> rotate(int lanes) {
    return VectorShuffle.iota(F, lanes % F.length(), 1, true);
  }

  @Override
  public void add(
      float[] q,
      int qAt,
      float[] k,
      float[] v,
      int from,
      int to,
      int d,
      float scale,
      float[] scores,
      float[] o,
      int oAt,
      float[] state,
      int stateAt) {
    int t = from;
    for (; t + 1 < to; t += 2) {
      dotTwo(q, qAt, k, t * d, d, scores, t - from);
    }
    if (t < to) {
      scores[t - from] = dot(q, qAt, k, t * d, d);
    }
    float max = state[stateAt];
    for (int i = 0; i < to - from; i++) {
      scores[i] *= scale;
      max = Math.max(max, scores[i]);
    }
    if (max > state[stateAt]) {
      float shrink = (float) Math.exp(state[stateAt] - max);
      state[stateAt + 1] *= shrink;
      multiply(o, oAt, shrink, d);
      state[stateAt] = max;
    }
    for (t = from; t < to; t++) {
      float p = (float) Math.exp(scores[t - from] - max);
      state[stateAt + 1] += p;
      addMultiple(o, oAt, p, v, t * d, d);
    }
  }

  private static void dotTwo(
      float[] q, int qAt, float[] k, int kAt, int d, float[] scores, int scoresAt) {
    var first = FloatVector.zero(F);
    var second = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(d); i < bound; i += F.length()) {
      var x = FloatVector.fromArray(F, q, qAt + i);
      first = FloatVector.fromArray(F, k, kAt + i).fma(x, first);
      second = FloatVector.fromArray(F, k, kAt + d + i).fma(x, second);
    }
    float a = sum(first);
    float b = sum(second);
    for (; i < d; i++) {
      a += q[qAt + i] * k[kAt + i];
      b += q[qAt + i] * k[kAt + d + i];
    }
    scores[scoresAt] = a;
    scores[scoresAt + 1] = b;
  }

  private static float dot(float[] q, int qAt, float[] k, int kAt, int d) {
    var sum = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(d); i < bound; i += F.length()) {
      sum = FloatVector.fromArray(F, k, kAt + i).fma(FloatVector.fromArray(F, q, qAt + i), sum);
    }
    float a = sum(sum);
    for (; i < d; i++) {
      a += q[qAt + i] * k[kAt + i];
    }
    return a;
  }

  /**
   * Sum of the lanes, by halves. {@code reduceLanes} may add in another order once it is compiled;
   * this does not, so that bits do not depend on when the compiler comes.
   */
  private static float sum(FloatVector v) {
    var folded = v;
    if (F.length() > 8) {
      folded = folded.add(folded.rearrange(ROTATE_8));
    }
    if (F.length() > 4) {
      folded = folded.add(folded.rearrange(ROTATE_4));
    }
    if (F.length() > 2) {
      folded = folded.add(folded.rearrange(ROTATE_2));
    }
    return folded.add(folded.rearrange(ROTATE_1)).lane(0);
  }

  private static void multiply(float[] o, int oAt, float factor, int d) {
    int i = 0;
    for (int bound = F.loopBound(d); i < bound; i += F.length()) {
      FloatVector.fromArray(F, o, oAt + i).mul(factor).intoArray(o, oAt + i);
    }
    for (; i < d; i++) {
      o[oAt + i] *= factor;
    }
  }

  private static void addMultiple(float[] o, int oAt, float p, float[] v, int vAt, int d) {
    var factor = FloatVector.broadcast(F, p);
    int i = 0;
    for (int bound = F.loopBound(d); i < bound; i += F.length()) {
      FloatVector.fromArray(F, v, vAt + i)
          .fma(factor, FloatVector.fromArray(F, o, oAt + i))
          .intoArray(o, oAt + i);
    }
    for (; i < d; i++) {
      o[oAt + i] += p * v[vAt + i];
    }
  }
}
