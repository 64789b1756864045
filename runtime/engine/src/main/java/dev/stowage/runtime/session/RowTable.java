package dev.stowage.runtime.session;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.weights.ModelFiles;
import dev.stowage.runtime.weights.PreparedFile;
import dev.stowage.runtime.weights.TableReader;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/**
 * A matrix that is looked up row by row (embeddings), wherever its rows lie: in memory, or in the
 * model's files.
 */
final class RowTable {
  private final Kernels kernels;
  private final ExecutablePlan plan;
  private final Weight weight;
  private final int[] ends; // last row + 1 of every slab, upward
  private final long[] offsets; // of a slab's row 0, had it one
  private final ElementType[] types;
  private final MemorySegment[] segments; // null where rows are on a disk
  private final TableReader[] readers; // null where rows are in memory
  private final int[] firsts; // of a slab, in its reader
  private final MemorySegment scratch;

  private RowTable(
      ExecutablePlan plan, Weight weight, Kernels kernels, int slabs, MemorySegment scratch) {
    this.plan = plan;
    this.weight = weight;
    this.kernels = kernels;
    this.scratch = scratch;
    ends = new int[slabs];
    offsets = new long[slabs];
    types = new ElementType[slabs];
    segments = new MemorySegment[slabs];
    readers = new TableReader[slabs];
    firsts = new int[slabs];
  }

  /**
   * @param scratch room for a row as stored
   */
  static RowTable of(
      ExecutablePlan plan,
      Weight weight,
      ResidentRows resident,
      ModelFiles files,
      Map<String, PreparedFile> prepared,
      Kernels kernels,
      MemorySegment scratch)
      throws ModelFormatException {
    var regions =
        plan.weights().stream()
            .filter(region -> region.weight() == weight)
            .sorted((a, b) -> Integer.compare(a.rows().from(), b.rows().from()))
            .toList();
    var table = new RowTable(plan, weight, kernels, regions.size(), scratch);
    for (int i = 0; i < table.ends.length; i++) {
      var region = regions.get(i);
      table.ends[i] = region.rows().to();
      table.types[i] = region.type();
      var slab = resident.find(weight, 0, region.rows());
      if (slab.isPresent()) {
        table.segments[i] = slab.get().segment();
        long rowBytes = plan.shape().rowBytes(weight, region.type());
        table.offsets[i] = -slab.get().rows().from() * rowBytes;
      } else if (region.type() == plan.shape().type(weight, 0)) {
        table.readers[i] = files.table(weight, scratch);
      } else {
        table.firsts[i] = region.rows().from();
        table.readers[i] = prepared.get(region.home()).table(weight, region.rows(), scratch);
      }
    }
    return table;
  }

  /** Reads a row as F32. */
  void widen(int row, MemorySegment to, long offset) {
    int slab = 0;
    while (row >= ends[slab]) {
      slab++;
    }
    var type = types[slab];
    long bytes = plan.shape().rowBytes(weight, type);
    int width = plan.shape().columns(weight);
    if (segments[slab] != null) {
      kernels.widen(
          segments[slab],
          offsets[slab] + row * bytes,
          bytes,
          type,
          to,
          offset,
          width * 4L,
          1,
          width);
    } else {
      readers[slab].read(row - firsts[slab]);
      kernels.widen(scratch, 0, bytes, type, to, offset, width * 4L, 1, width);
    }
  }
}
