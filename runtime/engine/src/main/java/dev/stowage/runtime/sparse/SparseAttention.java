package dev.stowage.runtime.sparse;

import dev.stowage.plan.Sparsity;
import java.util.Arrays;

/**
 * SparF's and SparQ's attention (InstAttention, HPCA 2025, algorithm 1; arXiv 2312.04985, section
 * 3) of one decode row's query heads over one KV head's {@code S} stored tokens of a region. For
 * query heads {@code g} of the KV head, {@code d} numbers wide, with {@code r} channels and {@code
 * k < S} tokens to choose:
 *
 * <pre>
 * i     = the r channels c with the largest Σ_g |q_g,c|
 * ŝ_g,t = softmax_t ( q_g,i · k_t,i / √(d · |q_g,i|₁ / |q_g|₁) )
 * j     = the k/4 newest tokens of the sequence, where the region has them, and those with the
 *         largest Σ_g ŝ_g,t of the others, k in all
 * α_g   = Σ_{t in j} ŝ_g,t
 * m_j, l_j, o_j   attention over j: m = max s_t, l = Σ exp(s_t − m), o = Σ exp(s_t − m) v_t, s_t = q_g · k_t / √d
 * v̄     = 1/S Σ_t v_t
 * </pre>
 *
 * Alone, the answer is {@code α o_j / l_j + (1 − α) v̄}. Here it is to merge with that of other
 * regions and of the pass's own tokens, so it needs a mass. The chosen tokens hold a part {@code α}
 * of the region's approximate mass; so the region's is taken to be {@code l_j / α}, of which {@code
 * l_j} lies on what was read and the rest on the mean:
 *
 * <pre>
 * m = m_j      l = l_j / α      o = o_j + (l_j / α − l_j) v̄
 * </pre>
 *
 * Then {@code o / l} is the answer above; {@code l} is the region's true mass when {@code r = d},
 * for then {@code α} is the chosen tokens' true part; and with {@code k = S} nothing is chosen,
 * {@code α = 1}, and the result is dense attention's. It merges by the rule of every partial
 * result.
 *
 * <p>Query heads of a group choose together (SparQ's way for grouped queries), so that a token is
 * read once for all of them. SparQ drops the mean for grouped queries; it is kept here, since
 * without it a region would weigh too little against those that are read whole.
 *
 * <p>Of equals, lower channels and older tokens are chosen. Every sum has one order: the bits of a
 * result depend on the stored numbers only, not on where they lie. Allocates nothing after its
 * construction. Used by one thread at a time.
 */
public final class SparseAttention {
  private static final double LEAST_PART = 1e-30;

  private final Sparsity sparsity;
  private final int headDim;
  private final int group;
  private final int most;
  private final double scale;
  private final TokenChoice choice = new TokenChoice();
  private final float[] sizes;
  private final int[] channels;
  private final float[] scores; // [group, tokens]
  private final float[] shares; // [tokens]
  private final float[] column; // [tokens]
  private final int[] tokens;
  private final double[] parts; // [group]
  private final float[] row;
  private int chosen;

  /**
   * @param group query heads that share a KV head
   * @param tokens most tokens of the region
   * @param scale of exact scores, {@code 1/√d}
   */
  public SparseAttention(Sparsity sparsity, int headDim, int group, int tokens, float scale) {
    if (sparsity.channels() > headDim) {
      throw new IllegalArgumentException(
          "%d channels of a head's %d".formatted(sparsity.channels(), headDim));
    }
    this.sparsity = sparsity;
    this.headDim = headDim;
    this.group = group;
    this.scale = scale;
    most = tokens;
    sizes = new float[headDim];
    channels = new int[sparsity.channels()];
    scores = new float[Math.multiplyExact(group, tokens)];
    shares = new float[tokens];
    column = new float[tokens];
    this.tokens = new int[tokens];
    parts = new double[group];
    row = new float[headDim];
  }

  /** Tokens that the last call attended to. */
  public int chosen() {
    return chosen;
  }

  /**
   * Writes the partial result over all stored tokens.
   *
   * @param stored how many, at least 1
   * @param newer tokens of the sequence that came after the last stored one, the row's own not
   *     counted
   * @param q {@code [group, headDim]} at {@code qAt}
   * @param o {@code [group, headDim]} at {@code oAt}
   * @param state m and l, {@code [group, 2]} at {@code stateAt}
   */
  public void attend(
      StoredHead head,
      int stored,
      int newer,
      float[] q,
      int qAt,
      float[] o,
      int oAt,
      float[] state,
      int stateAt) {
    chosen = sparsity.tokensOf(stored);
    if (chosen < stored) {
      chooseChannels(q, qAt);
      score(head, stored, q, qAt);
      chooseTokens(stored, newer, q, qAt);
    } else {
      for (int t = 0; t < stored; t++) {
        tokens[t] = t;
      }
      Arrays.fill(parts, 1);
    }
    scoreChosen(head, q, qAt);
    addChosen(head, o, oAt, state, stateAt);
    if (chosen < stored) {
      addRest(head, stored, o, oAt, state, stateAt);
    }
  }

  private void chooseChannels(float[] q, int qAt) {
    for (int c = 0; c < headDim; c++) {
      float size = 0;
      for (int g = 0; g < group; g++) {
        size += Math.abs(q[qAt + g * headDim + c]);
      }
      sizes[c] = size;
    }
    choice.largest(sizes, headDim, channels.length, channels);
  }

  /** Fills {@code q_i · k_i} of every token. */
  private void score(StoredHead head, int stored, float[] q, int qAt) {
    for (int g = 0; g < group; g++) {
      Arrays.fill(scores, g * most, g * most + stored, 0);
    }
    for (int from = 0; from < stored; ) {
      int count = Math.min(head.run(from), stored - from);
      for (int c : channels) {
        head.channel(c, from, from + count, column);
        for (int g = 0; g < group; g++) {
          addMultiple(scores, g * most + from, q[qAt + g * headDim + c], column, count);
        }
      }
      from += count;
    }
  }

  private void chooseTokens(int stored, int newer, float[] q, int qAt) {
    Arrays.fill(shares, 0, stored, 0);
    for (int g = 0; g < group; g++) {
      double sum = exponentials(g * most, stored, temperature(q, qAt + g * headDim));
      parts[g] = sum;
      addMultiple(shares, 0, (float) (1 / sum), scores, g * most, stored);
    }
    int recent = Math.max(0, chosen / Sparsity.RECENT_PART - newer);
    int older = stored - recent;
    choice.largest(shares, older, chosen - recent, tokens);
    for (int t = 0; t < recent; t++) {
      tokens[chosen - recent + t] = older + t;
    }
    for (int g = 0; g < group; g++) {
      double sum = 0;
      for (int i = 0; i < chosen; i++) {
        sum += scores[g * most + tokens[i]];
      }
      parts[g] = Math.clamp(sum / parts[g], LEAST_PART, 1);
    }
  }

  /** {@code 1 / √(d · |q_i|₁ / |q|₁)}. */
  private double temperature(float[] q, int at) {
    double all = 0;
    for (int c = 0; c < headDim; c++) {
      all += Math.abs(q[at + c]);
    }
    double some = 0;
    for (int c : channels) {
      some += Math.abs(q[at + c]);
    }
    return some > 0 ? scale * Math.sqrt(all / some) : scale;
  }

  /** Replaces scores by {@code exp(factor · score − max)}; returns their sum. */
  private double exponentials(int at, int count, double factor) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + count; i++) {
      largest = Math.max(largest, scores[i]);
    }
    double sum = 0;
    for (int i = at; i < at + count; i++) {
      float p = (float) Math.exp(factor * (scores[i] - largest));
      scores[i] = p;
      sum += p;
    }
    return sum;
  }

  private void scoreChosen(StoredHead head, float[] q, int qAt) {
    for (int i = 0; i < chosen; i++) {
      head.key(tokens[i], row);
      for (int g = 0; g < group; g++) {
        scores[g * most + i] = (float) scale * dot(q, qAt + g * headDim, row, headDim);
      }
    }
  }

  private void addChosen(StoredHead head, float[] o, int oAt, float[] state, int stateAt) {
    Arrays.fill(o, oAt, oAt + group * headDim, 0);
    for (int g = 0; g < group; g++) {
      float largest = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < chosen; i++) {
        largest = Math.max(largest, scores[g * most + i]);
      }
      state[stateAt + 2 * g] = largest;
      state[stateAt + 2 * g + 1] = (float) exponentials(g * most, chosen, 1);
    }
    for (int i = 0; i < chosen; i++) {
      head.value(tokens[i], row);
      for (int g = 0; g < group; g++) {
        addMultiple(o, oAt + g * headDim, scores[g * most + i], row, headDim);
      }
    }
  }

  private void addRest(
      StoredHead head, int stored, float[] o, int oAt, float[] state, int stateAt) {
    head.valueSum(row);
    for (int g = 0; g < group; g++) {
      double read = state[stateAt + 2 * g + 1];
      double whole = read / parts[g];
      addMultiple(o, oAt + g * headDim, (float) ((whole - read) / stored), row, headDim);
      state[stateAt + 2 * g + 1] = (float) whole;
    }
  }

  private static void addMultiple(float[] sum, int at, float factor, float[] of, int count) {
    for (int i = 0; i < count; i++) {
      sum[at + i] += factor * of[i];
    }
  }

  private static void addMultiple(
      float[] sum, int at, float factor, float[] of, int ofAt, int count) {
    for (int i = 0; i < count; i++) {
      sum[at + i] += factor * of[ofAt + i];
    }
  }

  /** Four sums, so that none waits for another. */
  private static float dot(float[] a, int at, float[] b, int count) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    int i = 0;
    for (; i < count - 3; i += 4) {
      s0 += a[at + i] * b[i];
      s1 += a[at + i + 1] * b[i + 1];
      s2 += a[at + i + 2] * b[i + 2];
      s3 += a[at + i + 3] * b[i + 3];
    }
    for (; i < count; i++) {
      s0 += a[at + i] * b[i];
    }
    return s0 + s1 + (s2 + s3);
  }
}
