package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * Checks operands once at the door of an operation, so that its loops may run without looking: the
 * vector implementation is meant to be usable with the Vector API's own bounds checks switched off.
 */
public final class Bounds {
  private Bounds() {}

  /**
   * Requires that {@code rows} rows of {@code rowBytes} bytes, {@code stride} bytes apart and
   * beginning at {@code offset}, lie inside the segment.
   *
   * @throws IndexOutOfBoundsException when they do not
   * @throws IllegalArgumentException for a negative count, or rows which overlap each other
   */
  public static void rows(
      String operand, MemorySegment segment, long offset, long stride, long rows, long rowBytes) {
    if (rows < 0 || rowBytes < 0) {
      throw new IllegalArgumentException(
          operand + ": negative extent, " + rows + " rows of " + rowBytes + " bytes");
    }
    if (rows == 0 || rowBytes == 0) {
      return;
    }
    if (rows > 1 && stride < rowBytes) {
      throw new IllegalArgumentException(
          operand + ": rows of " + rowBytes + " bytes overlap at a stride of " + stride + " bytes");
    }
    long room = segment.byteSize() - offset - rowBytes;
    if (offset < 0 || room < 0 || rows > 1 && room / stride < rows - 1) {
      throw new IndexOutOfBoundsException(
          operand
              + ": "
              + rows
              + " rows of "
              + rowBytes
              + " bytes at offset "
              + offset
              + ", stride "
              + stride
              + ", do not lie in a segment of "
              + segment.byteSize()
              + " bytes");
    }
  }

  /** Requires rows of a type, in whole blocks where the type has them, to lie in the segment. */
  public static void stored(
      String operand,
      MemorySegment segment,
      long offset,
      long stride,
      ElementType type,
      long rows,
      int width) {
    if (type.wholeGroups() && width % type.group() != 0) {
      throw new IllegalArgumentException(
          "%s: rows of %d numbers are no whole blocks of %s, which have %d"
              .formatted(operand, width, type.word(), type.group()));
    }
    rows(operand, segment, offset, stride, rows, type.rowBytes(width));
  }

  /** Requires {@code 0 <= from <= to <= size}. */
  public static void range(String what, int from, int to, int size) {
    if (from < 0 || to < from || size < to) {
      throw new IndexOutOfBoundsException(
          what + " range [" + from + ", " + to + ") outside [0, " + size + ")");
    }
  }

  /**
   * Requires every index of {@code indices[first .. first + count)} to lie in {@code [0, size)}.
   */
  public static void indices(String what, int[] indices, int first, int count, int size) {
    range(what + " array", first, first + count, indices.length);
    for (int i = first; i < first + count; i++) {
      if (indices[i] < 0 || indices[i] >= size) {
        throw new IndexOutOfBoundsException(
            what + " " + indices[i] + " at index " + i + " outside [0, " + size + ")");
      }
    }
  }

  /** Checks the operands of {@link Kernels#matmul}. */
  public static void matmul(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment w,
      long wOffset,
      ElementType type,
      MemorySegment bias,
      long biasOffset,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int k,
      int from,
      int to) {
    range("output", from, to, Integer.MAX_VALUE);
    floats("x", x, xOffset, xStride, rows, k);
    stored("w", w, wOffset, type.rowBytes(k), type, to - from, k);
    if (bias != null) {
      floats("bias", bias, biasOffset, 0, 1, to - from);
    }
    floats("out", out, outOffset, outStride, rows, to);
  }

  /** Checks the operands of {@link Kernels#embed} and {@link Kernels#embedAdd}. */
  public static void embed(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int tableRows,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    stored("table", table, tableOffset, type.rowBytes(width), type, tableRows, width);
    floats("out", out, outOffset, outStride, rows, width);
    indices("id", ids, first, rows, tableRows);
  }

  /** Checks the operands of {@link Kernels#rope}. */
  public static void rope(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim) {
    floats("x", x, xOffset, xStride, rows, (long) heads * headDim);
    indices("position", positions, first, rows, table.positions());
    if (table.dimension() > headDim) {
      throw new IllegalArgumentException(
          "rope rotates " + table.dimension() + " elements, a head has " + headDim);
    }
  }

  /** Checks the operands of {@link Kernels#attention}. */
  public static void attention(
      MemorySegment q,
      long qOffset,
      long qStride,
      MemorySegment k,
      long kOffset,
      MemorySegment v,
      long vOffset,
      ElementType type,
      long tokenStride,
      long headStride,
      int[] lengths,
      int first,
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int kvHeads,
      int kvFrom,
      int kvTo,
      int headDim) {
    if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads cannot share " + kvHeads + " key/value heads evenly");
    }
    range("key/value head", kvFrom, kvTo, kvHeads);
    floats("q", q, qOffset, qStride, rows, (long) heads * headDim);
    floats("o", o, oOffset, oStride, rows, (long) heads * headDim);
    floats("state", state, stateOffset, 2L * heads * Float.BYTES, rows, 2L * heads);
    indices("length", lengths, first, rows, Integer.MAX_VALUE);
    int tokens = 0;
    for (int r = 0; r < rows; r++) {
      tokens = Math.max(tokens, lengths[first + r]);
    }
    if (tokens > 0 && kvTo > kvFrom) {
      long headBytes = type.rowBytes(headDim);
      long lastToken = Math.multiplyExact(tokens - 1L, tokenStride);
      long lastHead = Math.multiplyExact(kvTo - kvFrom - 1L, headStride);
      if (tokenStride < 0 || headStride < 0) {
        throw new IllegalArgumentException(
            "token stride " + tokenStride + ", head stride " + headStride);
      }
      long extent = Math.addExact(Math.addExact(lastToken, lastHead), headBytes);
      rows("k", k, kOffset, 0, 1, extent);
      rows("v", v, vOffset, 0, 1, extent);
    }
  }

  /** Checks the operands of {@link Kernels#mergeAttention} and {@link Kernels#finishAttention}. */
  public static void partial(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headFrom,
      int headTo,
      int headDim) {
    range("head", headFrom, headTo, heads);
    floats("o", o, oOffset, oStride, rows, (long) heads * headDim);
    floats("state", state, stateOffset, 2L * heads * Float.BYTES, rows, 2L * heads);
  }

  /** {@link #rows} of {@code width} F32 elements. */
  public static void floats(
      String operand, MemorySegment segment, long offset, long stride, long rows, long width) {
    rows(operand, segment, offset, stride, rows, width * Float.BYTES);
  }
}
