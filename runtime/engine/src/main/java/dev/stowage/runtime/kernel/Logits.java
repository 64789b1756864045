package dev.stowage.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * What is read off one row of logits, [n] F32: the largest, the largest few, and log-probabilities.
 * None of these allocates. A NaN among the logits is an {@link ArithmeticException}: no token
 * follows from it.
 */
public final class Logits {
  private Logits() {}

  /** Index of the largest logit, the lowest such index where several are equal. */
  public static int argmax(MemorySegment logits, long offset, int n) {
    requireSome(logits, offset, n);
    int best = 0;
    float largest = number(logits, offset, 0);
    for (int i = 1; i < n; i++) {
      float value = number(logits, offset, i);
      if (value > largest) {
        largest = value;
        best = i;
      }
    }
    return best;
  }

  /**
   * The {@code count} largest logits in falling order, equal ones by rising index, into {@code ids}
   * and {@code values}.
   */
  public static void topK(
      MemorySegment logits, long offset, int n, int count, int[] ids, float[] values) {
    requireSome(logits, offset, n);
    if (count < 1 || count > n || count > ids.length || count > values.length) {
      throw new IllegalArgumentException(
          "top "
              + count
              + " of "
              + n
              + " into "
              + ids.length
              + " and "
              + values.length
              + " places");
    }
    int held = 0; // ids[0 .. held) and values hold a binary heap, its worst entry on top
    for (int i = 0; i < n; i++) {
      float value = number(logits, offset, i);
      if (held < count) {
        siftUp(ids, values, held++, i, value);
      } else if (value > values[0]) { // an equal one has the higher index, so it stays out
        siftDown(ids, values, held, i, value);
      }
    }
    while (held > 1) { // move the worst behind the shrinking heap
      int id = ids[0];
      float value = values[0];
      held--;
      siftDown(ids, values, held, ids[held], values[held]);
      ids[held] = id;
      values[held] = value;
    }
  }

  /**
   * Log-probabilities: {@code out[i] = x[i] - max - log(sum_j exp(x[j] - max))}, summed in double.
   * In place allowed.
   *
   * @param out [n] F32
   */
  public static void logSoftmax(
      MemorySegment logits, long offset, int n, MemorySegment out, long outOffset) {
    Bounds.rows("out", out, outOffset, 0, 1, (long) n * Float.BYTES);
    double normaliser = logNormaliser(logits, offset, n);
    for (int i = 0; i < n; i++) {
      long at = (long) i * Float.BYTES;
      out.set(
          Elements.F32,
          outOffset + at,
          (float) (logits.get(Elements.F32, offset + at) - normaliser));
    }
  }

  /** {@code log(sum_i exp(x[i]))} in double: what a logit less this is its log-probability. */
  public static double logNormaliser(MemorySegment logits, long offset, int n) {
    double max = logits.get(Elements.F32, offset + (long) argmax(logits, offset, n) * Float.BYTES);
    if (Double.isInfinite(max)) {
      throw new ArithmeticException("the largest logit is " + max + ": no distribution follows");
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(logits.get(Elements.F32, offset + (long) i * Float.BYTES) - max);
    }
    return max + Math.log(sum);
  }

  private static void requireSome(MemorySegment logits, long offset, int n) {
    if (n < 1) {
      throw new IllegalArgumentException("a row of " + n + " logits");
    }
    Bounds.rows("logits", logits, offset, 0, 1, (long) n * Float.BYTES);
  }

  private static float number(MemorySegment logits, long offset, int i) {
    float value = logits.get(Elements.F32, offset + (long) i * Float.BYTES);
    if (Float.isNaN(value)) {
      throw new ArithmeticException("logit " + i + " is NaN");
    }
    return value;
  }

  /** Whether the first entry ranks behind the second: smaller, or equal with a higher index. */
  private static boolean worse(float value, int id, float otherValue, int otherId) {
    return value < otherValue || value == otherValue && id > otherId;
  }

  private static void siftUp(int[] ids, float[] values, int hole, int id, float value) {
    while (hole > 0) {
      int parent = (hole - 1) / 2;
      if (!worse(value, id, values[parent], ids[parent])) {
        break;
      }
      ids[hole] = ids[parent];
      values[hole] = values[parent];
      hole = parent;
    }
    ids[hole] = id;
    values[hole] = value;
  }

  private static void siftDown(int[] ids, float[] values, int size, int id, float value) {
    int hole = 0;
    while (2 * hole + 1 < size) {
      int child = 2 * hole + 1;
      if (child + 1 < size && worse(values[child + 1], ids[child + 1], values[child], ids[child])) {
        child++;
      }
      if (!worse(values[child], ids[child], value, id)) {
        break;
      }
      ids[hole] = ids[child];
      values[hole] = values[child];
      hole = child;
    }
    ids[hole] = id;
    values[hole] = value;
  }
}
