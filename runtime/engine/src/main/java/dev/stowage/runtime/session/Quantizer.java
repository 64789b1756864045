package dev.stowage.runtime.session;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.kernel.HostKernels;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.weights.ModelFiles;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Quantizes weights while they are read: a few rows at a time, so that of a model only a bounded
 * piece lies in memory as the files have it.
 */
final class Quantizer {
  /** Numbers of a piece, unless one row has more. */
  private static final int PIECE = 1 << 20;

  private final ModelShape shape;
  private final ModelFiles files;
  private final HostKernels kernels;

  Quantizer(ModelShape shape, ModelFiles files, HostKernels kernels) {
    this.shape = shape;
    this.files = files;
    this.kernels = kernels;
  }

  /**
   * Reads rows of one layer.
   *
   * @param to the type they are stored as
   * @param slab {@code [rows, columns]} of that type
   * @throws ModelFormatException if a weight is infinite, not a number, or beyond what an F16 scale
   *     reaches
   */
  void read(Weight weight, int layer, Range all, ElementType to, MemorySegment slab)
      throws ModelFormatException {
    int columns = shape.columns(weight);
    int pieceRows = Math.clamp(PIECE / columns, 1, all.size());
    long rowBytes = shape.rowBytes(weight, to);
    var type = shape.type(weight, layer);
    long storedBytes = shape.rowBytes(weight, type);
    try (var arena = Arena.ofShared()) {
      var stored = arena.allocate(pieceRows * storedBytes, 64);
      var wide = arena.allocate(4L * pieceRows * columns, 64);
      for (int row = all.from(); row < all.to(); row += pieceRows) {
        var rows = new Range(row, Math.min(row + pieceRows, all.to()));
        int count = rows.size();
        long at = (row - all.from()) * rowBytes;
        files.bind(weight, layer, rows, stored).read();
        kernels.widen(stored, 0, storedBytes, type, wide, 0, 4L * columns, count, columns);
        kernels.quantize(wide, 0, 4L * columns, slab, at, rowBytes, to, count, columns);
        for (int i = 0; i < count; i++) {
          if (!Quantized.finite(to, slab, at + i * rowBytes, columns)) {
            throw new ModelFormatException(
                "row %d of %s%s holds a number that %s cannot store: infinite, not a number, or beyond 65504"
                    .formatted(
                        row + i,
                        weight.word(),
                        weight.perLayer() ? " of layer " + layer : "",
                        to.word()));
          }
        }
      }
    }
  }
}
