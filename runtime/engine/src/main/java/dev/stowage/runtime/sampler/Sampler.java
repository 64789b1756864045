package dev.stowage.runtime.sampler;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Chooses tokens from logits. Its scratch memory is made once; a choice allocates nothing. Used by
 * one thread at a time.
 *
 * <p>With logits {@code x}, temperature {@code T} and {@code w_i = exp((x_i − max x) / T)}: keep
 * the {@code topK} largest, of those the fewest largest whose weights sum to {@code topP} of
 * theirs, and draw one of what is left in proportion to {@code w}. Among equals the lower id counts
 * as larger.
 */
public final class Sampler {
  private final Sampling sampling;
  private final int vocabulary;

  /** Heap of tokens, largest first: the logit's order in the high half, the id in the low one. */
  private final long[] heap;

  private final int[] kept;
  private final double[] weights;
  private int heapSize;

  public Sampler(Sampling sampling, int vocabulary) {
    this.sampling = sampling;
    this.vocabulary = vocabulary;
    boolean greedy = sampling.temperature() == 0;
    boolean cuts = !greedy && (topK() < vocabulary || sampling.topP() < 1);
    heap = new long[cuts ? vocabulary : 0];
    kept = new int[cuts ? topK() : 0];
    weights = new double[cuts ? topK() : 0];
  }

  private int topK() {
    return sampling.topK() == 0 ? vocabulary : Math.min(sampling.topK(), vocabulary);
  }

  /**
   * Chooses a token.
   *
   * @param logits holds {@code [vocabulary]} F32 numbers from {@code offset} on
   * @param offset in bytes
   * @param request number of the request
   * @param step number of the token within its request
   * @throws ArithmeticException if a logit is NaN or +∞: the model computed no distribution
   */
  public int choose(MemorySegment logits, long offset, long request, int step) {
    int best = mostLikely(logits, offset);
    if (sampling.temperature() == 0) {
      return best;
    }
    double max = logit(logits, offset, best);
    double draw = uniform(sampling.seed(), request, step);
    return heap.length == 0
        ? drawFromAll(logits, offset, max, draw)
        : drawFromMostLikely(logits, offset, max, draw);
  }

  private int mostLikely(MemorySegment logits, long offset) {
    int best = 0;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabulary; i++) {
      float value = logit(logits, offset, i);
      if (!(value < Float.POSITIVE_INFINITY)) {
        throw notANumber(i, value);
      }
      if (value > max) {
        max = value;
        best = i;
      }
    }
    if (max == Float.NEGATIVE_INFINITY) {
      throw notANumber(0, max);
    }
    return best;
  }

  private static ArithmeticException notANumber(int token, float value) {
    return new ArithmeticException(
        "the logit of token %d is %s: the model's numbers overflowed".formatted(token, value));
  }

  private int drawFromAll(MemorySegment logits, long offset, double max, double draw) {
    double sum = 0;
    for (int i = 0; i < vocabulary; i++) {
      sum += weight(logit(logits, offset, i), max);
    }
    double left = draw * sum;
    int last = 0;
    for (int i = 0; i < vocabulary; i++) {
      double weight = weight(logit(logits, offset, i), max);
      if (weight > 0) {
        left -= weight;
        last = i;
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }

  private int drawFromMostLikely(MemorySegment logits, long offset, double max, double draw) {
    double mass = 0;
    heapSize = vocabulary;
    for (int i = 0; i < vocabulary; i++) {
      float value = logit(logits, offset, i);
      heap[i] = (long) ordered(value) << 32 | (0xffff_ffffL & ~i);
      mass += weight(value, max);
    }
    for (int i = heapSize / 2 - 1; i >= 0; i--) {
      siftDown(i);
    }
    int count = topK();
    if (count < vocabulary) {
      mass = 0;
      for (int i = 0; i < count; i++) {
        mass += pop(logits, offset, max, i);
      }
    }
    double enough = sampling.topP() * mass;
    double sum = 0;
    int keep = 0;
    while (keep < count && (keep == 0 || sampling.topP() == 1 || sum < enough)) {
      sum += count < vocabulary ? weights[keep] : pop(logits, offset, max, keep);
      keep++;
    }
    double left = draw * sum;
    for (int i = 0; i < keep - 1; i++) {
      left -= weights[i];
      if (left < 0) {
        return kept[i];
      }
    }
    return kept[keep - 1];
  }

  /** Takes the largest token from the heap to place {@code i} and returns its weight. */
  private double pop(MemorySegment logits, long offset, double max, int i) {
    int token = ~(int) heap[0];
    heap[0] = heap[--heapSize];
    siftDown(0);
    kept[i] = token;
    weights[i] = weight(logit(logits, offset, token), max);
    return weights[i];
  }

  private void siftDown(int at) {
    long key = heap[at];
    while (true) {
      int child = 2 * at + 1;
      if (child >= heapSize) {
        break;
      }
      if (child + 1 < heapSize && heap[child + 1] > heap[child]) {
        child++;
      }
      if (heap[child] <= key) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = key;
  }

  private double weight(float logit, double max) {
    return Math.exp((logit - max) / sampling.temperature());
  }

  /** An int in the order of the floats (without NaN; −0 below +0 does not matter to a draw). */
  private static int ordered(float value) {
    int bits = Float.floatToRawIntBits(value + 0.0f);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  private static float logit(MemorySegment logits, long offset, int token) {
    return logits.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + 4L * token);
  }

  /**
   * A number in {@code [0, 1)} that depends on its arguments alone: SplitMix64 (Steele, Lea, Flood:
   * "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), one stream a request.
   */
  static double uniform(long seed, long request, int step) {
    long gamma = 0x9e3779b97f4a7c15L;
    long stream = mix(mix(seed + gamma) + gamma * (request + 1));
    return (mix(stream + gamma * (step + 1L)) >>> 11) * 0x1p-53;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
