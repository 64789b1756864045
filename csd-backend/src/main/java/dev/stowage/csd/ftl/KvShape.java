package dev.stowage.csd.ftl;

import dev.stowage.plan.ElementType;

/**
 * The box of the KV cache that one region of a drive keeps; everything is counted from 0 within the
 * region.
 *
 * @param slots sequences
 * @param layers transformer layers
 * @param heads KV heads
 * @param tokens most tokens of a sequence
 * @param headDim width of a head
 * @param type how keys and values are stored
 */
public record KvShape(int slots, int layers, int heads, int tokens, int headDim, ElementType type) {
  private static final int LIMIT = 1 << 16;

  public KvShape {
    inside("slots", slots, LIMIT);
    inside("layers", layers, 1 << 12);
    inside("heads", heads, 1 << 12);
    inside("tokens", tokens, 1 << 24);
    inside("headDim", headDim, LIMIT);
  }

  private static void inside(String what, int value, int most) {
    if (value < 1 || value > most) {
      throw new IllegalArgumentException(
          "%d %s: a drive's region has 1 to %d".formatted(value, what, most));
    }
  }

  public int rowBytes() {
    return Math.toIntExact(type.rowBytes(headDim));
  }

  /** Heads of all layers and slots. */
  public long streams() {
    return (long) slots * layers * heads;
  }
}
