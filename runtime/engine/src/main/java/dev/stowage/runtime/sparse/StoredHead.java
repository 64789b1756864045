package dev.stowage.runtime.sparse;

/**
 * The stored keys and values of one KV head of one sequence and layer, counted from 0, read as
 * floats. {@link SparseAttention} asks for columns run by run, channels and tokens upward within
 * each, then for chosen rows, keys first, tokens upward: a store that reads pages need not read one
 * twice in a row.
 */
public interface StoredHead {
  /**
   * How many tokens of a channel, from {@code from} on, should be asked for at once; at least 1.
   */
  int run(int from);

  /** Writes a channel of the keys of tokens {@code from ≤ t < to}, from index 0 on. */
  void channel(int channel, int from, int to, float[] into);

  /** Writes a token's key, {@code [headDim]}, from index 0 on. */
  void key(int token, float[] into);

  /** Writes a token's value, {@code [headDim]}, from index 0 on. */
  void value(int token, float[] into);

  /** Writes the sum of the values of all stored tokens, {@code [headDim]}. */
  void valueSum(float[] into);
}
