package dev.stowage.runtime.session;

import dev.stowage.runtime.device.KvAttention;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;

/** A store of the host's, or of a disk, whose keys and values a gpu attends to. */
final class BroughtKvStore implements KvStore {
  private final KvStore store;
  private final KvAttention attention;

  BroughtKvStore(KvStore store, KvAttention attention) {
    this.store = store;
    this.attention = attention;
  }

  @Override
  public void clear(int slot) {
    store.clear(slot);
  }

  /** {@inheritDoc} The segments are the host's. */
  @Override
  public void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    store.append(layer, rows, keys, values);
  }

  /** {@inheritDoc} The segments are the gpu's. */
  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    attention.attend(layer, rows, queries, into);
  }

  /** Closes nothing: who opened the store closes it. */
  @Override
  public void close() {}
}
