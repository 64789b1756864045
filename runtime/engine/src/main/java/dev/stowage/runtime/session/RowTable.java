package dev.stowage.runtime.session;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.device.ComputeDevice;
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
  /** Rows that go to a gpu together. */
  private static final int TOGETHER = 64;

  private final Kernels kernels; // the host's
  private final ComputeDevice gpu; // null where the host computes
  private final boolean[] onGpu; // that computes
  private final ComputeDevice.CopyLane[] elsewhere; // of a slab on another gpu
  private final MemorySegment wide; // [TOGETHER, width] F32 in host memory, on their way to the gpu
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
      ExecutablePlan plan,
      Weight weight,
      Kernels kernels,
      ComputeDevice gpu,
      int slabs,
      MemorySegment scratch) {
    this.plan = plan;
    this.gpu = gpu;
    onGpu = new boolean[slabs];
    elsewhere = new ComputeDevice.CopyLane[slabs];
    wide =
        gpu == null
            ? null
            : gpu.hostMemory(
                "rows of " + weight.word(), 4L * TOGETHER * plan.shape().columns(weight));
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
   * @param gpu that computes; null where the host does
   * @param gpus that rows may lie on
   * @param scratch room for a row as stored
   */
  static RowTable of(
      ExecutablePlan plan,
      Weight weight,
      ResidentRows resident,
      ResidentRows hostRows,
      ModelFiles files,
      Map<String, PreparedFile> prepared,
      Kernels kernels,
      ComputeDevice gpu,
      Map<String, ComputeDevice> gpus,
      MemorySegment scratch)
      throws ModelFormatException {
    var regions =
        plan.weights().stream()
            .filter(region -> region.weight() == weight)
            .sorted((a, b) -> Integer.compare(a.rows().from(), b.rows().from()))
            .toList();
    var table = new RowTable(plan, weight, kernels, gpu, regions.size(), scratch);
    for (int i = 0; i < table.ends.length; i++) {
      var region = regions.get(i);
      table.ends[i] = region.rows().to();
      table.types[i] = region.type();
      if (gpus.containsKey(region.home())) {
        var home = gpus.get(region.home());
        table.onGpu[i] = home == gpu;
        table.elsewhere[i] = home == gpu ? null : home.copyLane();
      }
      var slab =
          resident.find(weight, 0, region.rows()).or(() -> hostRows.find(weight, 0, region.rows()));
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

  /**
   * Reads rows as F32, to where the plan computes.
   *
   * @param to {@code [count, columns]} F32
   */
  void widen(int[] rows, int count, MemorySegment to, long stride) {
    if (gpu == null) {
      for (int i = 0; i < count; i++) {
        widen(rows[i], slab(rows[i]), to, i * stride);
      }
    } else if (onGpu.length == 1 && onGpu[0]) {
      int width = plan.shape().columns(weight);
      gpu.kernels()
          .embed(segments[0], offsets[0], types[0], ends[0], rows, 0, to, 0, stride, count, width);
    } else {
      int from = 0; // of the rows that have not gone yet
      for (int i = 0; i < count; i++) {
        int slab = slab(rows[i]);
        if (onGpu[slab]) {
          send(from, i, to, stride);
          widenThere(rows[i], slab, to, i * stride);
          from = i + 1;
        } else {
          if (i - from == TOGETHER) {
            send(from, i, to, stride);
            from = i;
          }
          widen(rows[i], slab, wide, (i - from) * stride);
        }
      }
      send(from, count, to, stride);
    }
  }

  private void send(int from, int end, MemorySegment to, long stride) {
    if (from < end) {
      long bytes = (end - from) * stride;
      gpu.write(wide, 0, to, from * stride, bytes);
    }
  }

  private void widenThere(int row, int slab, MemorySegment to, long offset) {
    long bytes = plan.shape().rowBytes(weight, types[slab]);
    int width = plan.shape().columns(weight);
    gpu.kernels()
        .widen(
            segments[slab],
            offsets[slab] + row * bytes,
            bytes,
            types[slab],
            to,
            offset,
            width * 4L,
            1,
            width);
  }

  private int slab(int row) {
    int slab = 0;
    while (row >= ends[slab]) {
      slab++;
    }
    return slab;
  }

  /** Reads a row as F32, to host memory. */
  private void widen(int row, int slab, MemorySegment to, long offset) {
    var type = types[slab];
    long bytes = plan.shape().rowBytes(weight, type);
    int width = plan.shape().columns(weight);
    if (elsewhere[slab] != null) {
      elsewhere[slab].read(segments[slab], offsets[slab] + row * bytes, scratch, 0, bytes);
      kernels.widen(scratch, 0, bytes, type, to, offset, width * 4L, 1, width);
    } else if (segments[slab] != null) {
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
