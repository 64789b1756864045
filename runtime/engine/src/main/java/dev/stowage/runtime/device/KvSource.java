package dev.stowage.runtime.device;

import java.lang.foreign.MemorySegment;

/**
 * Keys and values that lie in host memory, or can be brought there sequence by sequence: what a
 * device in whose own memory they do not lie attends to.
 */
public interface KvSource {
  /** Host memory that sequences lie in, or are brought to. */
  MemorySegment memory();

  /**
   * Brings the region's first tokens of a sequence, in one layer, unless they lie there anyway.
   * What was brought before may be gone then.
   *
   * @return where the first token's first head's key lies in {@link #memory}
   */
  long bring(int layer, int slot, int tokens);

  /** Bytes from a key to its value. */
  long valuesBehind();

  /** Bytes from one token's head to the next token's. */
  long tokenStride();

  /** Bytes from one head to the next. */
  long headStride();
}
