package dev.stowage.runtime.tokenizer;

import java.util.Arrays;

/**
 * The merges of a byte-pair model: which two tokens merge, in which order of preference, to what.
 */
final class MergeTable {
  static final int NONE = Integer.MAX_VALUE;

  private final long[] pairs;
  private final int[] ranks;
  private final int[] results;
  private final int mask;

  /**
   * @param capacity most merges that will be put
   */
  MergeTable(int capacity) {
    int slots = Integer.highestOneBit(Math.max(8, capacity)) * 4;
    pairs = new long[slots];
    Arrays.fill(pairs, -1);
    ranks = new int[slots];
    results = new int[Math.max(1, capacity)];
    mask = slots - 1;
  }

  /** A merge of a better (lower) rank is tried first; the last of equal pairs counts. */
  void put(int left, int right, int rank, int result) {
    int slot = slot(left, right);
    pairs[slot] = pair(left, right);
    ranks[slot] = rank;
    results[rank] = result;
  }

  /** The pair's rank, or {@link #NONE}. */
  int rank(int left, int right) {
    int slot = slot(left, right);
    return pairs[slot] < 0 ? NONE : ranks[slot];
  }

  /** What the merge of that rank yields. */
  int result(int rank) {
    return results[rank];
  }

  private int slot(int left, int right) {
    long pair = pair(left, right);
    long hash = pair * 0x9e3779b97f4a7c15L;
    int slot = (int) (hash >>> 32) & mask;
    while (pairs[slot] >= 0 && pairs[slot] != pair) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }
}
