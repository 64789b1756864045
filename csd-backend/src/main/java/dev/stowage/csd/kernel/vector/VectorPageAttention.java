package dev.stowage.csd.kernel.vector;

import dev.stowage.csd.kernel.PageAttention;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Page attention in the Vector API. Scores are taken two keys at a time: a single dot product waits
 * for its own sums.
 */
public final class VectorPageAttention implements PageAttention {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

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
    float a = first.reduceLanes(VectorOperators.ADD);
    float b = second.reduceLanes(VectorOperators.ADD);
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
    float rest = 0;
    for (; i < d; i++) {
      rest += q[qAt + i] * k[kAt + i];
    }
    return sum.reduceLanes(VectorOperators.ADD) + rest;
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
