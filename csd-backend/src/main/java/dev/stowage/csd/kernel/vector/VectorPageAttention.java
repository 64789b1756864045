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
    for (int t = from; t < to; t += 2) {
      int other = Math.min(t + 1, to - 1);
      dotTwo(q, qAt, k, t * d, other * d, d, scores, t - from, other - from);
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
    for (int t = from; t < to; t++) {
      float p = (float) Math.exp(scores[t - from] - max);
      state[stateAt + 1] += p;
      addMultiple(o, oAt, p, v, t * d, d);
    }
  }

  /**
   * Lanes are added by halves: {@code reduceLanes} may take another order once it is compiled, and
   * bits must not depend on when the compiler comes. All in one method, since a vector that is
   * handed to another one may be put on the heap.
   */
  private static void dotTwo(
      float[] q,
      int qAt,
      float[] k,
      int firstKey,
      int secondKey,
      int d,
      float[] scores,
      int firstScore,
      int secondScore) {
    var first = FloatVector.zero(F);
    var second = FloatVector.zero(F);
    int i = 0;
    for (int bound = F.loopBound(d); i < bound; i += F.length()) {
      var x = FloatVector.fromArray(F, q, qAt + i);
      first = FloatVector.fromArray(F, k, firstKey + i).fma(x, first);
      second = FloatVector.fromArray(F, k, secondKey + i).fma(x, second);
    }
    if (F.length() > 8) {
      first = first.add(first.rearrange(ROTATE_8));
      second = second.add(second.rearrange(ROTATE_8));
    }
    if (F.length() > 4) {
      first = first.add(first.rearrange(ROTATE_4));
      second = second.add(second.rearrange(ROTATE_4));
    }
    if (F.length() > 2) {
      first = first.add(first.rearrange(ROTATE_2));
      second = second.add(second.rearrange(ROTATE_2));
    }
    float a = first.add(first.rearrange(ROTATE_1)).lane(0);
    float b = second.add(second.rearrange(ROTATE_1)).lane(0);
    for (; i < d; i++) {
      a += q[qAt + i] * k[firstKey + i];
      b += q[qAt + i] * k[secondKey + i];
    }
    scores[firstScore] = a;
    scores[secondScore] = b;
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
