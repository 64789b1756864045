package dev.stowage.runtime.device;

import java.lang.foreign.MemorySegment;

/** Attends to the keys and values of one region. */
@FunctionalInterface
public interface KvAttention {
  /**
   * Attends as {@link KvStore#attend} does.
   *
   * @param queries {@code [rows, heads, headDim]}, F32
   */
  void attend(int layer, Rows rows, MemorySegment queries, Partial into);
}
