package dev.stowage.plan;

import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A box of the KV cache that lies on one device. The cache is a box {@code layers × sequences × kv
 * heads × token positions}; regions cut it into disjoint boxes that fill it, so that any split by
 * layers, sequences, heads or tokens is said the same way. Attention over a region yields a partial
 * result that merges with those of the others.
 *
 * @param name unique in its plan
 * @param device where the keys and values lie
 * @param attendAt the device that computes attention over them
 * @param sparsity what attention reads of them; empty for all
 */
public record KvRegion(
    String name,
    Range layers,
    Range sequences,
    Range heads,
    Range tokens,
    String device,
    String attendAt,
    Optional<Sparsity> sparsity) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]*");

  public KvRegion {
    Objects.requireNonNull(device);
    Objects.requireNonNull(attendAt);
    Objects.requireNonNull(sparsity);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a region's name: '" + name + "'");
    }
    if (layers.isEmpty() || sequences.isEmpty() || heads.isEmpty() || tokens.isEmpty()) {
      throw new IllegalArgumentException("KV region " + name + " is empty");
    }
  }

  /**
   * Bytes of keys and values when every sequence is at its longest. Where attention is sparse, keys
   * are kept twice, by token and by channel, one half more (SparQ, section 3.2; InstAttention,
   * section IV), and the sum of the values of each sequence, layer and head, in F32.
   */
  public long bytes(int headDim, ElementType kvType) {
    long stored =
        Math.multiplyExact(
            rowsOfToken() * layers.size() * sequences.size() * kvType.rowBytes(headDim),
            (long) heads.size() * tokens.size());
    return Math.addExact(stored, valueSumBytes(headDim));
  }

  /** Bytes of the sums of values that sparse attention keeps. */
  public long valueSumBytes(int headDim) {
    return sparsity.isEmpty()
        ? 0
        : Math.multiplyExact((long) layers.size() * sequences.size(), 4L * heads.size() * headDim);
  }

  /** Rows of a head's width that a token takes: its value, and its key once or twice. */
  private long rowsOfToken() {
    return sparsity.isPresent() ? 3 : 2;
  }

  public boolean overlaps(KvRegion other) {
    return layers.overlaps(other.layers)
        && sequences.overlaps(other.sequences)
        && heads.overlaps(other.heads)
        && tokens.overlaps(other.tokens);
  }
}
