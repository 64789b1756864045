package dev.stowage.csd.kernel;

/** What page attention is: the plain loops. */
public final class ScalarPageAttention implements PageAttention {
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
    float max = state[stateAt];
    for (int t = from; t < to; t++) {
      float score = scale * dot(q, qAt, k, t * d, d);
      scores[t - from] = score;
      max = Math.max(max, score);
    }
    if (max > state[stateAt]) {
      float shrink = (float) Math.exp(state[stateAt] - max);
      state[stateAt + 1] *= shrink;
      for (int i = 0; i < d; i++) {
        o[oAt + i] *= shrink;
      }
      state[stateAt] = max;
    }
    for (int t = from; t < to; t++) {
      float p = (float) Math.exp(scores[t - from] - max);
      state[stateAt + 1] += p;
      for (int i = 0; i < d; i++) {
        o[oAt + i] += p * v[t * d + i];
      }
    }
  }

  private static float dot(float[] a, int aAt, float[] b, int bAt, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      sum += a[aAt + i] * b[bAt + i];
    }
    return sum;
  }
}
