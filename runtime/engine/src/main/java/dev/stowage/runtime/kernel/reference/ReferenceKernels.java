package dev.stowage.runtime.kernel.reference;

import static dev.stowage.runtime.kernel.Elements.F32;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.Activations;
import dev.stowage.runtime.kernel.Bounds;
import dev.stowage.runtime.kernel.CodeSearch;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.HostKernels;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.kernel.RopeTable;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The definition of every operation: one thread, one element after the other, sums in double,
 * rounded to F32 once at the end.
 */
public final class ReferenceKernels implements HostKernels {
  private double[] sums = new double[0]; // [headDim] of the head being attended to

  @Override
  public String description() {
    return "reference, scalar, 1 thread";
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
    for (int r = 0; r < rows; r++) {
      for (int o = from; o < to; o++) {
        long row = wOffset + (o - from) * type.rowBytes(k);
        double sum = 0;
        for (int i = 0; i < k; i++) {
          sum += (double) x.get(F32, at(xOffset, xStride, r, i)) * Elements.get(type, w, row, k, i);
        }
        if (bias != null) {
          sum += bias.get(F32, at(biasOffset, o - from));
        }
        out.set(F32, at(outOffset, outStride, r, o), (float) sum);
      }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long row = tableOffset + ids[first + r] * type.rowBytes(width);
        float value = Elements.get(type, table, row, width, i);
        long to = at(outOffset, outStride, r, i);
        out.set(F32, to, value);
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long row = tableOffset + ids[first + r] * type.rowBytes(width);
        float value = Elements.get(type, table, row, width, i);
        long to = at(outOffset, outStride, r, i);
        out.set(F32, to, out.get(F32, to) + value);
      }
    }
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
    for (int r = 0; r < rows; r++) {
      double mean = 0;
      for (int i = 0; i < width; i++) {
        mean += x.get(F32, at(xOffset, xStride, r, i));
      }
      mean /= width;
      double variance = 0;
      for (int i = 0; i < width; i++) {
        double distance = x.get(F32, at(xOffset, xStride, r, i)) - mean;
        variance += distance * distance;
      }
      variance /= width;
      double inverse = 1 / Math.sqrt(variance + eps);
      for (int i = 0; i < width; i++) {
        double normal = (x.get(F32, at(xOffset, xStride, r, i)) - mean) * inverse;
        double value =
            normal * weight.get(F32, at(weightOffset, i)) + bias.get(F32, at(biasOffset, i));
        out.set(F32, at(outOffset, outStride, r, i), (float) value);
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int g = 0; g < groups; g++) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
          double value = x.get(F32, at(xOffset, xStride, r, (long) g * width + i));
          squares += value * value;
        }
        double inverse = 1 / Math.sqrt(squares / width + eps);
        for (int i = 0; i < width; i++) {
          double value = x.get(F32, at(xOffset, xStride, r, (long) g * width + i)) * inverse;
          out.set(
              F32,
              at(outOffset, outStride, r, (long) g * width + i),
              (float) (value * weight.get(F32, at(weightOffset, i))));
        }
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(xOffset, xStride, r, i);
        x.set(F32, to, x.get(F32, to) + y.get(F32, at(yOffset, yStride, r, i)));
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(xOffset, xStride, r, i);
        x.set(F32, to, x.get(F32, to) + bias.get(F32, at(biasOffset, i)));
      }
    }
  }

  @Override
  public void relu(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(xOffset, xStride, r, i);
        x.set(F32, to, Math.max(x.get(F32, to), 0f));
      }
    }
  }

  @Override
  public void geluTanh(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(xOffset, xStride, r, i);
        x.set(F32, to, Activations.geluTanh(x.get(F32, to)));
      }
    }
  }

  @Override
  public void geluErf(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    Bounds.floats("x", x, xOffset, xStride, rows, width);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(xOffset, xStride, r, i);
        x.set(F32, to, Activations.geluErf(x.get(F32, to)));
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = at(gateOffset, gateStride, r, i);
        double value = gate.get(F32, to);
        double silu = value / (1 + Math.exp(-value));
        gate.set(F32, to, (float) (silu * up.get(F32, at(upOffset, upStride, r, i))));
      }
    }
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
    int half = table.dimension() / 2;
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < heads; h++) {
        for (int i = 0; i < half; i++) {
          long angle = (long) positions[first + r] * half + i;
          double cos = table.cosines().get(F32, at(0, angle));
          double sin = table.sines().get(F32, at(0, angle));
          long head = (long) h * headDim;
          long low =
              switch (table.pairs()) {
                case HALVES -> at(xOffset, xStride, r, head + i);
                case INTERLEAVED -> at(xOffset, xStride, r, head + 2L * i);
              };
          long high =
              switch (table.pairs()) {
                case HALVES -> low + (long) half * Float.BYTES;
                case INTERLEAVED -> low + Float.BYTES;
              };
          double a = x.get(F32, low);
          double b = x.get(F32, high);
          x.set(F32, low, (float) (a * cos - b * sin));
          x.set(F32, high, (float) (b * cos + a * sin));
        }
      }
    }
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
    if (type.quantized()) {
      encode(CodeSearch.QUICK, x, xOffset, xStride, out, outOffset, outStride, type, rows, width);
      return;
    }
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        long to = outOffset + r * outStride + (long) i * type.bytes();
        Elements.set(type, out, to, x.get(F32, at(xOffset, xStride, r, i)));
      }
    }
  }

  @Override
  public void quantize(
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
    encode(CodeSearch.THOROUGH, x, xOffset, xStride, out, outOffset, outStride, type, rows, width);
  }

  private static void encode(
      CodeSearch search,
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    for (int r = 0; r < rows; r++) {
      long to = outOffset + r * outStride;
      Quantized.encode(type, search, x, xOffset + r * xStride, width, out, to);
    }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        float value = Elements.get(type, x, xOffset + r * xStride, width, i);
        out.set(F32, at(outOffset, outStride, r, i), value);
      }
    }
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
    if (sums.length < headDim) {
      sums = new double[headDim];
    }
    int group = heads / kvHeads;
    for (int r = 0; r < rows; r++) {
      int length = lengths[first + r];
      for (int h = kvFrom * group; h < kvTo * group; h++) {
        long head = (long) (h / group - kvFrom) * headStride;
        double m = Double.NEGATIVE_INFINITY;
        for (int t = 0; t < length; t++) {
          long key = kOffset + head + t * tokenStride;
          m = Math.max(m, score(q, qOffset, qStride, r, h, k, key, type, headDim, scale));
        }
        double l = 0;
        Arrays.fill(sums, 0, headDim, 0);
        for (int t = 0; t < length; t++) {
          long token = head + t * tokenStride;
          double s = score(q, qOffset, qStride, r, h, k, kOffset + token, type, headDim, scale);
          double p = Math.exp(s - m);
          l += p;
          for (int d = 0; d < headDim; d++) {
            sums[d] += p * Elements.get(type, v, vOffset + token, headDim, d);
          }
        }
        for (int d = 0; d < headDim; d++) {
          o.set(F32, at(oOffset, oStride, r, (long) h * headDim + d), (float) sums[d]);
        }
        setState(state, stateOffset, heads, r, h, (float) m, (float) l);
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int h = headFrom; h < headTo; h++) {
        float m1 = state.get(F32, stateAt(stateOffset, heads, r, h));
        float m2 = otherState.get(F32, stateAt(otherStateOffset, heads, r, h));
        float l1 = state.get(F32, stateAt(stateOffset, heads, r, h) + Float.BYTES);
        float l2 = otherState.get(F32, stateAt(otherStateOffset, heads, r, h) + Float.BYTES);
        float m = Math.max(m1, m2);
        double share1 = share(m1, m);
        double share2 = share(m2, m);
        for (int d = 0; d < headDim; d++) {
          long to = at(oOffset, oStride, r, (long) h * headDim + d);
          long other = at(otherOOffset, otherOStride, r, (long) h * headDim + d);
          o.set(F32, to, (float) (o.get(F32, to) * share1 + otherO.get(F32, other) * share2));
        }
        setState(state, stateOffset, heads, r, h, m, (float) (l1 * share1 + l2 * share2));
      }
    }
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
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < heads; h++) {
        float l = state.get(F32, stateAt(stateOffset, heads, r, h) + Float.BYTES);
        for (int d = 0; d < headDim; d++) {
          long to = at(oOffset, oStride, r, (long) h * headDim + d);
          o.set(F32, to, l == 0 ? 0f : o.get(F32, to) / l);
        }
      }
    }
  }

  private static double score(
      MemorySegment q,
      long qOffset,
      long qStride,
      int row,
      int head,
      MemorySegment k,
      long key,
      ElementType type,
      int headDim,
      float scale) {
    double sum = 0;
    for (int d = 0; d < headDim; d++) {
      sum +=
          (double) q.get(F32, at(qOffset, qStride, row, (long) head * headDim + d))
              * Elements.get(type, k, key, headDim, d);
    }
    return sum * scale;
  }

  /** What a partial with maximum {@code own} counts for under the common maximum {@code m}. */
  private static double share(float own, float m) {
    return own == Float.NEGATIVE_INFINITY ? 0 : Math.exp((double) own - m);
  }

  private static void setState(
      MemorySegment state, long offset, int heads, int row, int head, float m, float l) {
    long at = stateAt(offset, heads, row, head);
    state.set(F32, at, m);
    state.set(F32, at + Float.BYTES, l);
  }

  private static long stateAt(long offset, int heads, int row, int head) {
    return at(offset, ((long) row * heads + head) * 2);
  }

  private static long at(long offset, long element) {
    return offset + element * Float.BYTES;
  }

  private static long at(long offset, long stride, int row, long element) {
    return offset + row * stride + element * Float.BYTES;
  }
}
