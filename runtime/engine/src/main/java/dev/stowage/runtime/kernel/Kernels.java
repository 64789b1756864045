package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * The operations of a transformer's forward pass on host memory.
 *
 * <p><b>Operands.</b> A matrix is a segment, the byte offset of its first element and, where it may
 * be a cut-out of a wider one, a stride: the <em>bytes</em> from one row to the next. All offsets
 * and strides are bytes, all extents are elements. Activations, biases and norm weights are F32.
 * Elements are little-endian and need no alignment. Segments must be accessible to the threads of
 * the worker pool, so not of a confined arena.
 *
 * <p><b>Aliasing.</b> Operands which are written must not overlap any other operand, except where
 * an operation says "in place", and then only exactly the same rows.
 *
 * <p><b>Errors.</b> Operands which do not lie in their segments raise {@link
 * IndexOutOfBoundsException}, impossible shapes {@link IllegalArgumentException}; both before
 * anything is written. Numbers are never checked: Inf and NaN go through as in IEEE arithmetic, but
 * that an implementation which multiplies in parts may make NaN of Inf.
 *
 * <p><b>Invariance.</b> An output element's bits depend only on its own inputs, see the package.
 *
 * <p><b>Tolerance.</b> Implementations agree with the reference within the relative error each
 * operation states; for a sum, relative to the sum of the absolute values of its terms. "Exact"
 * means the same bits.
 *
 * <p><b>Threads.</b> An instance serves one call at a time, whose work it may spread over its
 * worker pool. No operation allocates once it has seen the largest shapes it will meet.
 */
public interface Kernels {

  /** Names the implementation for people, for example {@code vector, 8 x F32, 2 threads}. */
  String description();

  /**
   * Linear layer: {@code out[r, o] = sum_k x[r, k] * w[o, k] + bias[o]} for {@code o} in {@code
   * [from, to)}. {@code w} and {@code bias} hold only the rows {@code [from, to)} of the whole
   * matrix, their first row at the given offset; {@code out} is the whole output, of which the
   * columns {@code [from, to)} are written. Tolerance {@code 1e-6 * (1 + k / 64)}; where weights
   * are quantized, activations may be rounded to 16 bits in each group of 32 or 64, which adds
   * 2^-15 of the group's greatest magnitude times the sum of its weights' magnitudes.
   *
   * <p>Invariance here is a hard rule: the order of every sum is fixed by {@code k} and the type
   * alone, so that neither batching nor splitting a matrix by rows over tiers changes a bit.
   *
   * @param x [rows, k] F32, off the Java heap like {@code w}; numbers from 2^47 on may count as
   *     infinite where the weights are F16
   * @param w [to - from, k] of {@code type}, rows adjacent
   * @param bias [to - from] F32, or null for none
   * @param out [rows, at least to] F32
   */
  void matmul(
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
      int to);

  /**
   * Table look-up: {@code out[r, :] = table[ids[first + r], :]}. Exact.
   *
   * @param table [tableRows, width] of {@code type}, rows adjacent
   * @param out [rows, width] F32
   */
  void embed(
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
      int width);

  /**
   * Adds looked-up rows, such as learned positions: {@code out[r, :] += table[ids[first + r], :]}.
   * Shapes as in {@link #embed}. Exact.
   */
  void embedAdd(
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
      int width);

  /**
   * Layer normalisation (Ba et al. 2016): {@code out = (x - mean) / sqrt(variance + eps) * weight +
   * bias}, with the mean and the biased variance of each row. In place allowed. Tolerance 1e-5
   * relative to the largest normalised value of the row.
   *
   * @param x [rows, width] F32
   * @param weight [width] F32
   * @param bias [width] F32
   * @param out [rows, width] F32
   */
  void layerNorm(
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
      int width);

  /**
   * Root-mean-square normalisation (Zhang and Sennrich 2019): {@code out = x / sqrt(mean(x^2) +
   * eps) * weight}, over each of the {@code groups} adjacent groups of {@code width} elements of a
   * row by itself, all with the same weight: one group for a hidden state, one a head for the query
   * and key norms of Qwen3. In place allowed. Tolerance 1e-5 relative.
   *
   * @param x [rows, groups, width] F32
   * @param weight [width] F32
   * @param out [rows, groups, width] F32
   */
  void rmsNorm(
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
      int width);

  /** Residual: {@code x[r, i] += y[r, i]}, both [rows, width] F32. Exact. */
  void add(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment y,
      long yOffset,
      long yStride,
      int rows,
      int width);

  /** {@code x[r, i] += bias[i]}, x [rows, width] F32 and bias [width] F32. Exact. */
  void addBias(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment bias,
      long biasOffset,
      int rows,
      int width);

  /**
   * {@code x = max(x, 0)} in place on [rows, width] F32; NaN stays NaN. Exact, up to a zero's sign.
   */
  void relu(MemorySegment x, long xOffset, long xStride, int rows, int width);

  /**
   * GELU, tanh form (Hendrycks and Gimpel 2016): {@code x = x / 2 * (1 + tanh(sqrt(2 / pi) * (x +
   * 0.044715 x^3)))} in place on [rows, width] F32. Tolerance 2e-6 relative plus 1e-6 absolute.
   */
  void geluTanh(MemorySegment x, long xOffset, long xStride, int rows, int width);

  /**
   * GELU, exact form: {@code x = x / 2 * (1 + erf(x / sqrt(2)))} in place on [rows, width] F32.
   * Tolerance 2e-6 relative plus 1e-6 absolute.
   */
  void geluErf(MemorySegment x, long xOffset, long xStride, int rows, int width);

  /**
   * Gate of SwiGLU (Shazeer 2020): {@code gate = gate / (1 + exp(-gate)) * up} in place on gate,
   * both [rows, width] F32. Tolerance 2e-6 relative.
   */
  void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      long gateStride,
      MemorySegment up,
      long upOffset,
      long upStride,
      int rows,
      int width);

  /**
   * Rotary position embedding (Su et al. 2021) in the half-rotated layout of Hugging Face's {@code
   * rotate_half}: with {@code d = table.dimension()}, position {@code p = positions[first + r]} and
   * {@code i < d / 2}, in place for every head:
   *
   * <pre>{@code
   * x[i]         = x[i] * cos[p, i]         - x[i + d / 2] * sin[p, i]
   * x[i + d / 2] = x[i + d / 2] * cos[p, i] + x[i] * sin[p, i]
   * }</pre>
   *
   * Elements of a head from {@code d} on stay as they are (partial rotary). Tolerance 1e-6 of the
   * pair's length.
   *
   * @param x [rows, heads, headDim] F32
   */
  void rope(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim);

  /**
   * Stores F32 rows as rows of {@code type}, rounding to nearest, ties to even; what is too large
   * becomes infinite. Exact.
   *
   * @param x [rows, width] F32
   * @param out [rows, width] of {@code type}
   */
  void narrow(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width);

  /**
   * Reads rows of {@code type} as F32 rows. Exact.
   *
   * @param x [rows, width] of {@code type}
   * @param out [rows, width] F32
   */
  void widen(
      MemorySegment x,
      long xOffset,
      long xStride,
      ElementType type,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width);

  /**
   * Attention of some query rows over a contiguous run of tokens of one sequence, left
   * un-normalised so that results over disjoint runs can be combined with {@link #mergeAttention}
   * (the softmax state of Milakov and Gimelshein 2018, as in FlashAttention). For row {@code r} and
   * query head {@code h}, whose key/value head is {@code h / (heads / kvHeads)}, over the tokens
   * {@code t < lengths[first + r]} of the run:
   *
   * <pre>{@code
   * s[t] = scale * sum_d q[r, h, d] * k[t, kvHead, d]
   * m = max_t s[t],  l = sum_t exp(s[t] - m),  o[r, h, :] = sum_t exp(s[t] - m) * v[t, kvHead, :]
   * }</pre>
   *
   * No token gives {@code m = -inf, l = 0, o = 0}. Causal attention is this with one length a row.
   * Only the query heads of the key/value heads {@code [kvFrom, kvTo)} are computed and written;
   * {@code k} and {@code v} hold just those heads. Tolerance: 1e-5 relative on l and on {@code m -
   * scale * |q| * |k|}, 1e-5 of {@code sum exp(s - m) |v|} on o, for scores below about 30.
   *
   * @param q [rows, heads, headDim] F32
   * @param k [tokens, kvTo - kvFrom, headDim] of {@code type}: token t, head j at {@code kOffset +
   *     t * tokenStride + (j - kvFrom) * headStride}
   * @param v like k
   * @param lengths tokens each row sees, from index {@code first} on
   * @param o [rows, heads, headDim] F32
   * @param state [rows, heads, 2] F32, rows adjacent: m and l
   */
  void attention(
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
      int headDim);

  /**
   * Combines the partial result of one run of tokens into that of another, for the query heads
   * {@code [headFrom, headTo)}, in place on {@code (o, state)}: with {@code m = max(m1, m2)},
   *
   * <pre>{@code
   * l = l1 * exp(m1 - m) + l2 * exp(m2 - m),  o = o1 * exp(m1 - m) + o2 * exp(m2 - m)
   * }</pre>
   *
   * A partial over no token changes nothing, on either side. Shapes as in {@link #attention}.
   * Tolerance 2e-6.
   */
  void mergeAttention(
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
      int headDim);

  /**
   * Normalises complete attention in place: {@code o[r, h, :] /= l}; a head which saw no token
   * becomes zero. Shapes as in {@link #attention}. Tolerance 2e-7.
   */
  void finishAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headDim);
}
