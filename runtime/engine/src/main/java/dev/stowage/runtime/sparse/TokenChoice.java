package dev.stowage.runtime.sparse;

import java.util.Arrays;

/**
 * Chooses the largest of some numbers in one pass for each eleven bits of them; of equals, those
 * that come first.
 */
final class TokenChoice {
  private static final int[] SHIFTS = {21, 10, 0};
  private static final int BINS = 1 << 11;

  private final int[] bins = new int[BINS];

  /**
   * Writes the indices of the {@code k} largest numbers, upward.
   *
   * @param numbers 0 or more
   * @param count numbers to choose from, at least k
   */
  void largest(float[] numbers, int count, int k, int[] into) {
    if (k == 0) {
      return;
    }
    int least = 0; // the k-th largest, bit by bit from the left
    int wanted = k; // of those that begin like it
    int known = 0;
    for (int shift : SHIFTS) {
      int width = shift == 0 ? 10 : 11;
      Arrays.fill(bins, 0);
      for (int i = 0; i < count; i++) {
        int bits = bits(numbers[i]);
        if (known == 0 || bits >>> 32 - known == least >>> 32 - known) {
          bins[bits >>> shift & (1 << width) - 1]++;
        }
      }
      int bin = BINS - 1;
      while (bins[bin] < wanted) {
        wanted -= bins[bin];
        bin--;
      }
      least |= bin << shift;
      known += width;
    }
    int at = 0;
    for (int i = 0; i < count; i++) {
      int bits = bits(numbers[i]);
      if (bits > least) {
        into[at++] = i;
      } else if (bits == least && wanted > 0) {
        into[at++] = i;
        wanted--;
      }
    }
  }

  /** In the order of the numbers; what is none comes last. */
  private static int bits(float number) {
    return number >= 0 ? Float.floatToRawIntBits(number) & Integer.MAX_VALUE : 0;
  }
}
