package dev.stowage.runtime.device;

import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one KV region, kept on a device and attended there. Called by one thread at a
 * time. Its steady state allocates nothing on the Java heap.
 */
public interface KvStore extends AutoCloseable {
  /**
   * Forgets all tokens of a slot, whose sequence has ended, and gives back what they took where the
   * region is not there whole.
   */
  void clear(int slot);

  /** Bytes held now of a region that is not there whole; of others nothing is said. */
  default long heldBytes() {
    return 0;
  }

  /**
   * Stores, for one layer, those rows, heads and positions of a pass that belong to the region. A
   * sequence's positions arrive in order, without gaps, once each.
   *
   * @param keys {@code [rows, kvHeads, headDim]}, F32: all heads of the model
   * @param values likewise
   */
  void append(int layer, Rows rows, MemorySegment keys, MemorySegment values);

  /**
   * Announces an {@link #attend} that will come: a store that reads may begin to. A hint, which
   * need not come true.
   */
  default void expect(int layer, Rows rows) {}

  /**
   * Attends, for one layer, with every row over the region's keys at positions {@code max(0,
   * position − window + 1) ≤ t < start(row)}. Writes the partial result of every row and query
   * head: the neutral one ({@code m = −∞}, {@code l = 0}) for those the region holds nothing for.
   *
   * @param queries {@code [rows, heads, headDim]}, F32
   */
  void attend(int layer, Rows rows, MemorySegment queries, Partial into);

  @Override
  void close();
}
