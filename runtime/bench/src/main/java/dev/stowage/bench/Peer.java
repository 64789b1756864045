package dev.stowage.bench;

/** A program with a model, measured beside Stowage. */
interface Peer extends AutoCloseable {
  /** Forgets all sequences. */
  void clear();

  /**
   * Adds tokens to every sequence, and computes the logits of the last of each.
   *
   * @param ids of every sequence, the same number
   * @param position of the first
   */
  void decode(int[][] ids, int position);

  @Override
  void close();
}
