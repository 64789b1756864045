package dev.stowage.runtime.session;

import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.MemorySegment;

/**
 * A store of a drive, for a gpu that computes: queries, keys and values pass through page-locked
 * host memory on their way to the drive, partial results on their way back.
 */
final class BridgedKvStore implements KvStore {
  private final KvStore store;
  private final ComputeDevice gpu;
  private final MemorySegment queries;
  private final MemorySegment keys;
  private final MemorySegment values;
  private final Partial result;
  private final long queryBytes; // of a row
  private final long keyBytes;
  private final long stateBytes;

  BridgedKvStore(KvStore store, KvLayout layout, ComputeDevice gpu) {
    this.store = store;
    this.gpu = gpu;
    queryBytes = (long) layout.heads() * layout.headDim() * Float.BYTES;
    keyBytes = (long) layout.kvHeads() * layout.headDim() * Float.BYTES;
    stateBytes = 2L * layout.heads() * Float.BYTES;
    int rows = layout.rowsPerPass();
    queries = gpu.hostMemory("queries", rows * queryBytes);
    keys = gpu.hostMemory("keys", rows * keyBytes);
    values = gpu.hostMemory("values", rows * keyBytes);
    result =
        new Partial(
            gpu.hostMemory("partial results", rows * queryBytes),
            gpu.hostMemory("softmax states", rows * stateBytes));
  }

  @Override
  public void clear(int slot) {
    store.clear(slot);
  }

  /** {@inheritDoc} The segments are the gpu's. */
  @Override
  public void append(int layer, Rows rows, MemorySegment newKeys, MemorySegment newValues) {
    long bytes = rows.count() * keyBytes;
    gpu.read(newKeys.asSlice(0, bytes), keys.asSlice(0, bytes));
    gpu.read(newValues.asSlice(0, bytes), values.asSlice(0, bytes));
    store.append(layer, rows, keys, values);
  }

  /** {@inheritDoc} The segments are the gpu's. */
  @Override
  public void attend(int layer, Rows rows, MemorySegment newQueries, Partial into) {
    long bytes = rows.count() * queryBytes;
    long states = rows.count() * stateBytes;
    gpu.read(newQueries.asSlice(0, bytes), queries.asSlice(0, bytes));
    store.attend(layer, rows, queries, result);
    gpu.write(result.o().asSlice(0, bytes), into.o().asSlice(0, bytes));
    gpu.write(result.state().asSlice(0, states), into.state().asSlice(0, states));
  }

  /** Closes nothing: who opened the store closes it. */
  @Override
  public void close() {}
}
