package dev.stowage.gpu;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.RopePairs;
import dev.stowage.runtime.kernel.Bounds;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.RopeTable;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import jcuda.driver.CUfunction;

/**
 * The operations on a GPU's memory. A call checks its operands and starts a kernel; the kernels of
 * successive calls run one after the other, later than the call. All segments are the GPU's, also
 * those of a {@link RopeTable}; F32 operands lie at multiples of four bytes.
 *
 * <p>Tensor cores multiply numbers in parts, and infinity times two parts may be no number. So an
 * infinite operand may give NaN where the reference has an infinity or, for a key, leaves a token
 * out. A value that is not finite spoils the rows of a prompt that share a tile of 64 tokens with
 * it, also those before it.
 */
final class CudaKernels implements Kernels {
  private static final int WARPS = 4; // of a block, as in kernels.cu
  static final int THREADS = 32 * WARPS;
  private static final int TILE = 4; // rows and query heads of a block, together
  private static final int SPAN_TOKENS = 256; // at least, of the spans of a row's tokens
  private static final int MOST_SPANS = 64;
  private static final long PARTIAL = 16L << 20; // bytes of the spans' results
  private static final int WIDEST_SCALAR_HEAD = 256;

  private final Launcher launcher;
  private final String gpu;
  private final Map<ElementType, CUfunction> matmulOne = new EnumMap<>(ElementType.class);
  private final Map<ElementType, CUfunction> matmulEight = new EnumMap<>(ElementType.class);
  private final Map<ElementType, TensorProduct> products = new EnumMap<>(ElementType.class);
  private final Map<ElementType, CUfunction> attention = new EnumMap<>(ElementType.class);
  private final Map<ElementType, TensorAttention> tensorAttention =
      new EnumMap<>(ElementType.class);
  private final CUfunction widen;
  private final CUfunction narrow;
  private final CUfunction layerNorm;
  private final CUfunction rmsNorm;
  private final CUfunction add;
  private final CUfunction siluMultiply;
  private final CUfunction relu;
  private final CUfunction geluTanh;
  private final CUfunction geluErf;
  private final CUfunction rope;
  private final CUfunction neutral;
  private final CUfunction mergeSplits;
  private final CUfunction mergeAttention;
  private final CUfunction finishAttention;

  CudaKernels(Cuda cuda, Launcher launcher) {
    this.launcher = launcher;
    gpu = cuda.name();
    boolean tensors = TensorAttention.runsOn(cuda);
    for (var type : ElementType.values()) {
      if (TensorProduct.takes(type, cuda)) {
        products.put(type, new TensorProduct(type, cuda));
      } else {
        matmulOne.put(type, cuda.function("matmul_" + type.word() + "_1"));
        matmulEight.put(type, cuda.function("matmul_" + type.word() + "_8"));
      }
      if (!type.wholeGroups()) {
        if (tensors) {
          tensorAttention.put(type, new TensorAttention(type, cuda));
        } else {
          attention.put(type, cuda.function("attention_" + type.word()));
        }
      }
    }
    widen = cuda.function("widen");
    narrow = cuda.function("narrow");
    layerNorm = cuda.function("layer_norm");
    rmsNorm = cuda.function("rms_norm");
    add = cuda.function("add");
    siluMultiply = cuda.function("silu_multiply");
    relu = cuda.function("relu");
    geluTanh = cuda.function("gelu_tanh");
    geluErf = cuda.function("gelu_erf");
    rope = cuda.function("rope");
    neutral = cuda.function("neutral");
    mergeSplits = cuda.function("merge_splits");
    mergeAttention = cuda.function("merge_attention");
    finishAttention = cuda.function("finish_attention");
  }

  @Override
  public String description() {
    return "cuda, " + gpu;
  }

  @Override
  public void matmul(
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
    Bounds.matmul(
        x,
        xOffset,
        xStride,
        w,
        wOffset,
        type,
        bias,
        biasOffset,
        out,
        outOffset,
        outStride,
        rows,
        k,
        from,
        to);
    if (rows == 0 || from == to) {
      return;
    }
    launcher
        .arguments()
        .at(x, xOffset)
        .at(w, wOffset)
        .at(bias == null ? 0 : bias.address() + biasOffset)
        .at(out, outOffset + 4L * from)
        .number(xStride)
        .number(outStride)
        .number((long) rows)
        .number((long) k)
        .number((long) to - from)
        .number(type.rowBytes(k));
    var product = products.get(type);
    if (product != null) {
      product.launch(launcher, rows, to - from);
    } else {
      int together = rows == 1 ? 1 : 8;
      launcher.blocks(
          (rows == 1 ? matmulOne : matmulEight).get(type),
          (to - from + WARPS - 1) / WARPS,
          (rows + together - 1) / together,
          THREADS);
    }
  }

  @Override
  public void embed(
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
    Bounds.embed(
        table, tableOffset, type, tableRows, ids, first, out, outOffset, outStride, rows, width);
    gather(table, tableOffset, type, ids, first, out, outOffset, outStride, rows, width, 0);
  }

  @Override
  public void embedAdd(
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
    Bounds.embed(
        table, tableOffset, type, tableRows, ids, first, out, outOffset, outStride, rows, width);
    gather(table, tableOffset, type, ids, first, out, outOffset, outStride, rows, width, 1);
  }

  private void gather(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width,
      long add) {
    long idsAt = launcher.table(ids, first, rows);
    launcher
        .arguments()
        .at(table, tableOffset)
        .at(idsAt)
        .at(out, outOffset)
        .number((long) type.ordinal())
        .number(type.rowBytes(width))
        .number(outStride)
        .number((long) rows)
        .number((long) width)
        .number(add)
        .each(widen, (long) rows * width);
  }

  @Override
  public void layerNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      MemorySegment bias,
      long biasOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("weight", weight, weightOffset, 0, 1, width);
    Bounds.floats("bias", bias, biasOffset, 0, 1, width);
    Bounds.floats("out", out, outOffset, outStride, rows, width);
    launcher
        .arguments()
        .at(x, xOffset)
        .at(weight, weightOffset)
        .at(bias, biasOffset)
        .at(out, outOffset)
        .number(xStride)
        .number(outStride)
        .number((long) width)
        .number(eps)
        .blocks(layerNorm, rows, 1, THREADS);
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int groups,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, (long) groups * width);
    Bounds.floats("weight", weight, weightOffset, 0, 1, width);
    Bounds.floats("out", out, outOffset, outStride, rows, (long) groups * width);
    launcher
        .arguments()
        .at(x, xOffset)
        .at(weight, weightOffset)
        .at(out, outOffset)
        .number(xStride)
        .number(outStride)
        .number((long) groups)
        .number((long) width)
        .number(eps)
        .blocks(rmsNorm, (long) rows * groups, 1, THREADS);
  }

  @Override
  public void add(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment y,
      long yOffset,
      long yStride,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("y", y, yOffset, yStride, rows, width);
    each(add, x, xOffset, xStride, y.address() + yOffset, yStride, rows, width);
  }

  @Override
  public void addBias(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment bias,
      long biasOffset,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.floats("bias", bias, biasOffset, 0, 1, width);
    each(add, x, xOffset, xStride, bias.address() + biasOffset, 0, rows, width);
  }

  @Override
  public void relu(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    alone(relu, x, xOffset, xStride, rows, width);
  }

  @Override
  public void geluTanh(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    alone(geluTanh, x, xOffset, xStride, rows, width);
  }

  @Override
  public void geluErf(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    alone(geluErf, x, xOffset, xStride, rows, width);
  }

  @Override
  public void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      long gateStride,
      MemorySegment up,
      long upOffset,
      long upStride,
      int rows,
      int width) {
    Bounds.floats("gate", gate, gateOffset, gateStride, rows, width);
    Bounds.floats("up", up, upOffset, upStride, rows, width);
    each(
        siluMultiply, gate, gateOffset, gateStride, up.address() + upOffset, upStride, rows, width);
  }

  private void alone(
      CUfunction kernel, MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    each(kernel, x, xOffset, xStride, 0, 0, rows, width);
  }

  private void each(
      CUfunction kernel,
      MemorySegment x,
      long xOffset,
      long xStride,
      long y,
      long yStride,
      int rows,
      int width) {
    launcher
        .arguments()
        .at(x, xOffset)
        .at(y)
        .number(xStride)
        .number(yStride)
        .number((long) rows)
        .number((long) width)
        .each(kernel, (long) rows * width);
  }

  @Override
  public void rope(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim) {
    Bounds.rope(x, xOffset, xStride, table, positions, first, rows, heads, headDim);
    long positionsAt = launcher.table(positions, first, rows);
    int half = table.dimension() / 2;
    launcher
        .arguments()
        .at(x, xOffset)
        .at(table.cosines(), 0)
        .at(table.sines(), 0)
        .at(positionsAt)
        .number(xStride)
        .number((long) rows)
        .number((long) heads)
        .number((long) headDim)
        .number((long) half)
        .number(table.pairs() == RopePairs.INTERLEAVED ? 1L : 0L)
        .each(rope, (long) rows * heads * half);
  }

  @Override
  public void narrow(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    Bounds.rows("out", out, outOffset, outStride, rows, type.rowBytes(width));
    store(x, xOffset, xStride, 0, out.address() + outOffset, 0, outStride, 0, type, rows, 1, width);
  }

  /**
   * Stores rows of some heads, each row at a place of its own.
   *
   * @param places table of byte offsets, negative for rows not to store; or 0 for rows that follow
   *     each other
   */
  void store(
      MemorySegment x,
      long xOffset,
      long xStride,
      long xHeadStride,
      long out,
      long places,
      long outStride,
      long outHeadStride,
      ElementType type,
      int rows,
      int heads,
      int width) {
    if (type.wholeGroups()) {
      throw new IllegalArgumentException("rows of " + type.word() + " are not made");
    }
    int units = type.quantized() ? (width + ElementType.GROUP - 1) / ElementType.GROUP : width;
    launcher
        .arguments()
        .at(x, xOffset)
        .at(out)
        .at(places)
        .number((long) type.ordinal())
        .number(xStride)
        .number(xHeadStride)
        .number(outStride)
        .number(outHeadStride)
        .number((long) rows)
        .number((long) heads)
        .number((long) width)
        .each(narrow, (long) rows * heads * units);
  }

  @Override
  public void widen(
      MemorySegment x,
      long xOffset,
      long xStride,
      ElementType type,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    Bounds.stored("x", x, xOffset, xStride, type, rows, width);
    Bounds.floats("out", out, outOffset, outStride, rows, width);
    launcher
        .arguments()
        .at(x, xOffset)
        .at(0)
        .at(out, outOffset)
        .number((long) type.ordinal())
        .number(xStride)
        .number(outStride)
        .number((long) rows)
        .number((long) width)
        .number(0L)
        .each(widen, (long) rows * width);
  }

  @Override
  public void attention(
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
      float scale,
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
    Bounds.attention(
        q,
        qOffset,
        qStride,
        k,
        kOffset,
        v,
        vOffset,
        type,
        tokenStride,
        headStride,
        lengths,
        first,
        o,
        oOffset,
        oStride,
        state,
        stateOffset,
        rows,
        heads,
        kvHeads,
        kvFrom,
        kvTo,
        headDim);
    if (rows == 0) {
      return;
    }
    attend(
        q.address() + qOffset,
        qStride,
        k.address() + kOffset,
        v.address() + vOffset,
        type,
        tokenStride,
        headStride,
        launcher.table(lengths, first, rows),
        0,
        longest(lengths, first, rows),
        true,
        0,
        0,
        scale,
        o.address() + oOffset,
        oStride,
        state.address() + stateOffset,
        rows,
        heads,
        heads / kvHeads,
        kvFrom,
        kvTo,
        headDim);
  }

  private static int longest(int[] lengths, int first, int rows) {
    int longest = 0;
    for (int row = first; row < first + rows; row++) {
      longest = Math.max(longest, lengths[row]);
    }
    return longest;
  }

  /** The widest heads that attention takes on this GPU. */
  int widestHead() {
    return tensorAttention.isEmpty() ? WIDEST_SCALAR_HEAD : Integer.MAX_VALUE;
  }

  /**
   * Attention where every row has keys of its own.
   *
   * @param lengths table of the tokens each row sees
   * @param places table of byte offsets of each row's first key and value, negative for none; or 0
   * @param longest of the lengths
   * @param shared whether rows that follow each other mostly have the same keys
   * @param lists where the tokens lie that a row's key head attends to, {@code [rows, kvTo -
   *     kvFrom, listStride]}, if not to all; then no rows share a place
   */
  void attend(
      long q,
      long qStride,
      long k,
      long v,
      ElementType type,
      long tokenStride,
      long headStride,
      long lengths,
      long places,
      int longest,
      boolean shared,
      long lists,
      int listStride,
      float scale,
      long o,
      long oStride,
      long state,
      int rows,
      int heads,
      int group,
      int kvFrom,
      int kvTo,
      int headDim) {
    if (type.wholeGroups()) {
      throw new IllegalArgumentException("keys are not stored as " + type.word());
    }
    var tensor = tensorAttention.get(type);
    if (tensor == null && headDim > widestHead()) {
      throw new IllegalArgumentException(
          "heads of %d numbers, and kernels take %d at most".formatted(headDim, widestHead()));
    }
    int scalarTogether = shared && group < TILE ? TILE / group : 1;
    if (tensor != null) {
      tensor.choose(rows, shared, group, kvTo - kvFrom, headDim);
    }
    int spans = Math.clamp((longest + SPAN_TOKENS - 1) / SPAN_TOKENS, 1, MOST_SPANS);
    int splits = tensor != null && tensor.alone() ? 1 : spans;
    long partialBytes = (long) heads * (headDim + 2) * Float.BYTES; // of one split of one row
    boolean partial = splits > 1;
    int atOnce = partial ? Math.clamp(PARTIAL / (splits * partialBytes), 1, rows) : rows;
    for (int first = 0; first < rows; first += atOnce) {
      int count = Math.min(atOnce, rows - first);
      launcher
          .arguments()
          .at(q + first * qStride)
          .at(k)
          .at(v)
          .at(lengths + (long) first * Integer.BYTES)
          .at(places == 0 ? 0 : places + (long) first * Long.BYTES)
          .at(o + first * oStride)
          .at(state + 8L * first * heads)
          .at(partial ? launcher.scratch(PARTIAL) : 0)
          .number(qStride)
          .number(tokenStride)
          .number(headStride)
          .number(oStride)
          .number((long) heads)
          .number((long) kvFrom)
          .number((long) kvTo)
          .number((long) headDim)
          .number((long) group)
          .number((long) count)
          .number((long) (tensor == null ? scalarTogether : tensor.together()))
          .number((long) splits)
          .number((long) type.ordinal())
          .number(lists == 0 ? 0 : lists + 4L * first * (kvTo - kvFrom) * listStride)
          .number((long) listStride)
          .number(scale);
      if (tensor == null) {
        launcher.blocks(
            attention.get(type),
            (long) (count + scalarTogether - 1) / scalarTogether * splits,
            (kvTo - kvFrom) * ((group + TILE - 1) / TILE),
            THREADS);
      } else {
        tensor.launch(launcher, count, splits);
      }
      if (partial) {
        launcher.blocks(mergeSplits, (long) count * (kvTo - kvFrom) * group, 1, THREADS);
      }
    }
  }

  /** Says of all heads outside {@code from .. to} that they saw no token. */
  void neutral(MemorySegment state, int rows, int heads, int from, int to) {
    launcher
        .arguments()
        .at(state, 0)
        .number((long) rows)
        .number((long) heads)
        .number((long) from)
        .number((long) to)
        .each(neutral, (long) rows * heads);
  }

  @Override
  public void mergeAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      MemorySegment otherO,
      long otherOOffset,
      long otherOStride,
      MemorySegment otherState,
      long otherStateOffset,
      int rows,
      int heads,
      int headFrom,
      int headTo,
      int headDim) {
    Bounds.partial(o, oOffset, oStride, state, stateOffset, rows, heads, headFrom, headTo, headDim);
    Bounds.partial(
        otherO,
        otherOOffset,
        otherOStride,
        otherState,
        otherStateOffset,
        rows,
        heads,
        headFrom,
        headTo,
        headDim);
    launcher
        .arguments()
        .at(o, oOffset)
        .at(state, stateOffset)
        .at(otherO, otherOOffset)
        .at(otherState, otherStateOffset)
        .number(oStride)
        .number(otherOStride)
        .number((long) heads)
        .number((long) headFrom)
        .number((long) headTo)
        .number((long) headDim)
        .blocks(mergeAttention, (long) rows * (headTo - headFrom), 1, THREADS);
  }

  @Override
  public void finishAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headDim) {
    Bounds.partial(o, oOffset, oStride, state, stateOffset, rows, heads, 0, heads, headDim);
    launcher
        .arguments()
        .at(o, oOffset)
        .at(state, stateOffset)
        .number(oStride)
        .number((long) heads)
        .number((long) headDim)
        .blocks(finishAttention, (long) rows * heads, 1, THREADS);
  }
}
