package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.RopeScaling;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every implementation of {@link Kernels} must pass: each operation, element type and awkward
 * size gives what the reference gives, writes nothing else, and gives the same bits however the
 * work is cut.
 *
 * <p>A subclass names the implementation; the data is random, its seed in every message.
 */
public abstract class KernelAgreement {
  protected static final int[] SIZES = {1, 3, 7, 8, 13, 31, 64, 65, 127, 257};

  /** The types that Stowage stores numbers as. */
  private static final List<ElementType> STORED =
      Stream.concat(ElementType.single().stream(), ElementType.made().stream()).toList();

  protected static final int[] ROWS = {1, 2, 3, 4, 5, 9, 17};

  private final Kernels reference = new ReferenceKernels();
  private Arena arena;
  protected RandomData data;

  /** The implementation under test. */
  protected abstract Kernels kernels();

  @BeforeEach
  void openArena() {
    arena = Arena.ofShared();
    data = new RandomData(arena);
  }

  @AfterEach
  void closeArena() {
    arena.close();
  }

  @Test
  void linearLayerAgrees() {
    for (ElementType type : STORED) {
      for (int k : SIZES) {
        for (int rows : ROWS) {
          int n = data.between(1, 40);
          int from = data.between(0, n);
          int to = data.between(from, n + 1);
          linearLayerAgrees(type, rows, k, n, from, to);
        }
      }
    }
    linearLayerAgrees(ElementType.F16, 5, 1537, 11, 0, 11); // more than one panel deep
    linearLayerAgrees(ElementType.F32, 6, 1024, 64, 3, 61); // enough work for several threads
  }

  private void linearLayerAgrees(ElementType type, int rows, int k, int n, int from, int to) {
    String what = "matmul %s rows %d k %d [%d, %d) of %d".formatted(type, rows, k, from, to, n);
    long xStride = 4L * (k + 2);
    long outStride = 4L * (n + 3);
    var x = data.floats((k + 2L) * rows);
    var w = data.rows(type, 6, to - from, k, 0.5f); // aligned to two bytes only
    var bias = data.between(0, 2) == 0 ? null : data.floats(to - from);
    var expected = data.floats((n + 3L) * rows + 1);
    var actual = data.copy(expected);
    reference.matmul(x, 0, xStride, w, 6, type, bias, 0, expected, 4, outStride, rows, k, from, to);
    kernels().matmul(x, 0, xStride, w, 6, type, bias, 0, actual, 4, outStride, rows, k, from, to);
    double terms = Math.sqrt(k) + 3; // about the sum of the terms' absolute values, over four
    double rounding = type.quantized() ? roundingOfActivations() : 0;
    assertClose(what, expected, actual, 0, (4e-6 * (1 + k / 64.0) + rounding) * terms);
    assertRestUntouched(what, expected, actual, 4 + 4L * from, outStride, rows, 4L * (to - from));
  }

  /** What rounding activations around 1 may add to a term of a product with quantized weights. */
  protected double roundingOfActivations() {
    return 0;
  }

  /** Whether a product with an infinite weight is infinite, and not only no number. */
  protected boolean keepsInfinities() {
    return true;
  }

  @Test
  void weightsThatAreNotFiniteAndTheSmallestOnesGoThroughProducts() {
    int n = 13;
    int k = 100;
    for (ElementType type : ElementType.single()) {
      for (int rows : new int[] {1, 2, 5}) {
        var x = data.floats((long) rows * k);
        var w = data.numbers(type, 0, (long) n * k, 1);
        float[] odd = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, 0x1p-24f};
        for (int o = 0; o < n; o += 2) { // one row in two stays as it is
          Elements.set(type, w, (o * k + data.between(0, k)) * (long) type.bytes(), odd[o / 2 % 4]);
        }
        var expected = data.floats((long) rows * n);
        var actual = data.copy(expected);
        reference.matmul(x, 0, 4L * k, w, 0, type, null, 0, expected, 0, 4L * n, rows, k, 0, n);
        kernels().matmul(x, 0, 4L * k, w, 0, type, null, 0, actual, 0, 4L * n, rows, k, 0, n);
        for (int i = 0; i < rows * n; i++) {
          float wanted = expected.get(Elements.F32, 4L * i);
          float got = actual.get(Elements.F32, 4L * i);
          String where = "%s, %d rows, number %d, %s".formatted(type, rows, i, data);
          if (Float.isFinite(wanted)) {
            assertEquals(wanted, got, 1e-3, where);
          } else if (keepsInfinities()) {
            assertEquals(wanted, got, where);
          } else {
            assertFalse(Float.isFinite(got), where);
          }
        }
      }
    }
    // subnormal halves alone
    for (int rows : new int[] {1, 4}) {
      var x = data.floats(64L * rows);
      var w = data.numbers(ElementType.F16, 0, 3L * 64, 1e-6f);
      var expected = data.floats(3L * rows);
      var actual = data.copy(expected);
      reference.matmul(x, 0, 256, w, 0, ElementType.F16, null, 0, expected, 0, 12, rows, 64, 0, 3);
      kernels().matmul(x, 0, 256, w, 0, ElementType.F16, null, 0, actual, 0, 12, rows, 64, 0, 3);
      assertClose("subnormal halves, " + rows + " rows", expected, actual, 0, 1e-10);
    }
  }

  @Test
  void linearLayerGivesTheSameBitsHoweverRowsAndOutputsAreCut() {
    for (ElementType type : STORED) {
      for (int k : new int[] {1, 7, 8, 65, 128, 257, 1031}) {
        int n = 37;
        int most = 17;
        var x = data.floats((long) most * k);
        var w = data.rows(type, 0, n, k, 0.5f);
        var bias = data.floats(n);
        var whole = data.floats((long) most * n);
        kernels().matmul(x, 0, 4L * k, w, 0, type, bias, 0, whole, 0, 4L * n, most, k, 0, n);
        for (int rows = 1; rows <= most; rows++) {
          var part = data.floats((long) rows * n);
          int cut = data.between(0, n + 1);
          long wCut = cut * type.rowBytes(k);
          kernels().matmul(x, 0, 4L * k, w, 0, type, bias, 0, part, 0, 4L * n, rows, k, 0, cut);
          kernels()
              .matmul(
                  x, 0, 4L * k, w, wCut, type, bias, 4L * cut, part, 0, 4L * n, rows, k, cut, n);
          assertSameBits(
              "%s k %d, %d rows, cut at %d".formatted(type, k, rows, cut),
              whole.asSlice(0, part.byteSize()),
              part);
        }
      }
    }
  }

  @Test
  void embeddingAgrees() {
    for (ElementType type : STORED) {
      for (int width : SIZES) {
        int rows = data.between(1, 6);
        var table = data.rows(type, 2, 11, width, 1);
        int[] ids = data.ints(rows + 2, 11);
        long stride = 4L * (width + 1);
        var expected = data.floats((width + 1L) * rows);
        var actual = data.copy(expected);
        reference.embed(table, 2, type, 11, ids, 2, expected, 0, stride, rows, width);
        kernels().embed(table, 2, type, 11, ids, 2, actual, 0, stride, rows, width);
        assertSameBits("embed " + type + " width " + width, expected, actual);
        reference.embedAdd(table, 2, type, 11, ids, 1, expected, 0, stride, rows, width);
        kernels().embedAdd(table, 2, type, 11, ids, 1, actual, 0, stride, rows, width);
        assertSameBits("embedAdd " + type + " width " + width, expected, actual);
      }
    }
  }

  @Test
  void normsAgree() {
    for (int width : SIZES) {
      for (int rows : new int[] {1, 3, 200}) {
        int groups = data.between(1, 4);
        long stride = 4L * (groups * width + 1);
        var x = data.floats((groups * width + 1L) * rows);
        var weight = data.floats(width);
        var bias = data.floats(width);
        String shape = " of %d x %d x %d".formatted(rows, groups, width);

        var expected = data.floats((groups * width + 1L) * rows);
        var actual = data.copy(expected);
        reference.layerNorm(
            x, 0, stride, weight, 0, bias, 0, 1e-5f, expected, 0, stride, rows, width);
        kernels()
            .layerNorm(x, 0, stride, weight, 0, bias, 0, 1e-5f, actual, 0, stride, rows, width);
        assertClose("layerNorm" + shape, expected, actual, 1e-5, 1e-4);

        reference.rmsNorm(x, 0, stride, weight, 0, 1e-6f, expected, 0, stride, rows, groups, width);
        var inPlace = data.copy(x);
        kernels()
            .rmsNorm(inPlace, 0, stride, weight, 0, 1e-6f, inPlace, 0, stride, rows, groups, width);
        for (int r = 0; r < rows; r++) {
          long bytes = 4L * groups * width;
          assertClose(
              "rmsNorm" + shape,
              expected.asSlice(r * stride, bytes),
              inPlace.asSlice(r * stride, bytes),
              1e-5,
              1e-6);
        }
      }
    }
  }

  @Test
  void additionsAgree() {
    for (int width : SIZES) {
      for (int rows : new int[] {1, 3, 150}) {
        var expected = data.floats((width + 1L) * rows);
        var actual = data.copy(expected);
        var y = data.floats((width + 2L) * rows);
        String shape = " of " + rows + " x " + width;
        reference.add(expected, 0, 4L * width + 4, y, 0, 4L * width + 8, rows, width);
        kernels().add(actual, 0, 4L * width + 4, y, 0, 4L * width + 8, rows, width);
        assertSameBits("add" + shape, expected, actual);
        reference.addBias(expected, 0, 4L * width + 4, y, 4, rows, width);
        kernels().addBias(actual, 0, 4L * width + 4, y, 4, rows, width);
        assertSameBits("addBias" + shape, expected, actual);
      }
    }
  }

  @Test
  void activationsAgree() {
    for (int width : SIZES) {
      int rows = data.between(1, 4);
      var x = data.numbers(ElementType.F32, 0, (width + 1L) * rows, 4);
      var up = data.floats((width + 1L) * rows);
      long stride = 4L * width + 4;
      for (Activation activation : Activation.values()) {
        var expected = data.copy(x);
        var actual = data.copy(x);
        activation.run(reference, expected, up, stride, rows, width);
        activation.run(kernels(), actual, up, stride, rows, width);
        assertClose(activation + " of " + rows + " x " + width, expected, actual, 2e-6, 1e-6);
      }
    }
  }

  @Test
  void activationsAgreeFarFromZero() {
    float[] far = {
      -1e30f, -100, -88.6f, -88, -40, -10, -0f, 0, 1e-30f, 10, 40, 88, 88.6f, 100, 1e30f
    };
    var x = MemorySegment.ofArray(far);
    var up = arena.allocate(x.byteSize(), 64).fill((byte) 0);
    for (int i = 0; i < far.length; i++) {
      up.set(Elements.F32, 4L * i, 1f);
    }
    for (Activation activation : Activation.values()) {
      var expected = data.copy(x);
      var actual = data.copy(x);
      activation.run(reference, expected, up, x.byteSize(), 1, far.length);
      activation.run(kernels(), actual, up, x.byteSize(), 1, far.length);
      assertClose(activation.toString(), expected, actual, 2e-6, 1e-6);
    }
  }

  private enum Activation {
    RELU,
    GELU_TANH,
    GELU_ERF,
    SILU_MULTIPLY;

    void run(Kernels kernels, MemorySegment x, MemorySegment up, long stride, int rows, int width) {
      switch (this) {
        case RELU -> kernels.relu(x, 0, stride, rows, width);
        case GELU_TANH -> kernels.geluTanh(x, 0, stride, rows, width);
        case GELU_ERF -> kernels.geluErf(x, 0, stride, rows, width);
        case SILU_MULTIPLY -> kernels.siluMultiply(x, 0, stride, up, 0, stride, rows, width);
      }
    }
  }

  @Test
  void ropeAgrees() {
    for (int dimension : new int[] {2, 6, 16, 64, 66, 128}) {
      int headDim = dimension + data.between(0, 3);
      int rows = data.between(1, 5);
      int heads = data.between(1, 4);
      var table = RopeTable.create(arena, 50, dimension, 10_000, new RopeScaling.Linear(2));
      int[] positions = data.ints(rows + 1, 50);
      long stride = 4L * heads * headDim + 4;
      var expected = data.floats((heads * headDim + 1L) * rows);
      var actual = data.copy(expected);
      reference.rope(expected, 0, stride, table, positions, 1, rows, heads, headDim);
      kernels().rope(actual, 0, stride, table, positions, 1, rows, heads, headDim);
      assertClose("rope of dimension " + dimension, expected, actual, 0, 2e-6);
    }
  }

  @Test
  void conversionsAgree() {
    for (ElementType type : STORED) {
      for (int width : SIZES) {
        int rows = data.between(1, 4);
        var x = data.floats((width + 1L) * rows);
        long stride = type.rowBytes(width) + 2;
        var expected = data.numbers(ElementType.F32, 0, stride * rows, 1);
        var actual = data.copy(expected);
        reference.narrow(x, 0, 4L * width + 4, expected, 2, stride, type, rows, width);
        kernels().narrow(x, 0, 4L * width + 4, actual, 2, stride, type, rows, width);
        assertSameBits("narrow to " + type + " width " + width, expected, actual);

        var wide = data.floats((width + 1L) * rows);
        var actualWide = data.copy(wide);
        reference.widen(expected, 2, stride, type, wide, 0, 4L * width + 4, rows, width);
        kernels().widen(expected, 2, stride, type, actualWide, 0, 4L * width + 4, rows, width);
        assertSameBits("widen from " + type + " width " + width, wide, actualWide);
      }
    }
  }

  @Test
  void everySixteenBitPatternIsWidenedExactly() {
    int n = 1 << 16;
    var patterns = arena.allocate(2L * n, 64);
    for (int i = 0; i < n; i++) {
      patterns.set(Elements.BITS16, 2L * i, (short) i);
    }
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      var wide = arena.allocate(4L * n, 64);
      kernels().widen(patterns, 0, 2L * n, type, wide, 0, 4L * n, 1, n);
      for (int i = 0; i < n; i++) {
        float expected = Elements.get(type, patterns, 2L * i);
        float actual = wide.get(Elements.F32, 4L * i);
        assertTrue(
            Float.floatToIntBits(expected) == Float.floatToIntBits(actual),
            () -> type + " " + expected + " became " + actual);
      }
    }
  }

  @Test
  void attentionAgrees() {
    for (ElementType type : STORED) {
      for (int headDim : new int[] {1, 7, 8, 32, 45, 64, 128}) {
        for (int rows : new int[] {1, 2, 9}) {
          attentionAgrees(type, headDim, rows);
        }
      }
    }
  }

  private void attentionAgrees(ElementType type, int headDim, int rows) {
    int kvHeads = data.between(1, 4);
    int heads = kvHeads * data.between(1, 4);
    int kvFrom = data.between(0, kvHeads);
    int kvTo = data.between(kvFrom, kvHeads) + 1;
    int tokens = data.between(1, 90);
    int[] lengths = data.ints(rows + 1, tokens + 1);
    long headStride = type.rowBytes(headDim) + 2;
    long tokenStride = headStride * (kvTo - kvFrom) + 4;
    String what =
        "attention %s head %d, %d rows, %d tokens, %d/%d heads [%d, %d)"
            .formatted(type, headDim, rows, tokens, heads, kvHeads, kvFrom, kvTo);
    float scale = (float) (1 / Math.sqrt(headDim));
    int width = heads * headDim;
    var q = data.floats((long) rows * width);
    var k = data.numbers(ElementType.F16, 0, (tokenStride * tokens + 1) / 2, 1);
    var v = data.numbers(ElementType.F16, 0, (tokenStride * tokens + 1) / 2, 1);
    fill(k, type, tokens, kvTo - kvFrom, headDim, tokenStride, headStride);
    fill(v, type, tokens, kvTo - kvFrom, headDim, tokenStride, headStride);
    var o = data.floats((long) rows * width);
    var state = data.floats(2L * rows * heads);
    var actualO = data.copy(o);
    var actualState = data.copy(state);
    reference.attention(
        q,
        0,
        4L * width,
        k,
        0,
        v,
        0,
        type,
        tokenStride,
        headStride,
        lengths,
        1,
        scale,
        o,
        0,
        4L * width,
        state,
        0,
        rows,
        heads,
        kvHeads,
        kvFrom,
        kvTo,
        headDim);
    kernels()
        .attention(
            q,
            0,
            4L * width,
            k,
            0,
            v,
            0,
            type,
            tokenStride,
            headStride,
            lengths,
            1,
            scale,
            actualO,
            0,
            4L * width,
            actualState,
            0,
            rows,
            heads,
            kvHeads,
            kvFrom,
            kvTo,
            headDim);
    assertClose(what + ", state", state, actualState, 2e-5, 2e-5);
    assertClose(what, o, actualO, 2e-5, 1e-3);
    int group = heads / kvHeads;
    assertRestUntouched(
        what,
        o,
        actualO,
        4L * kvFrom * group * headDim,
        4L * width,
        rows,
        4L * (kvTo - kvFrom) * group * headDim);
  }

  private void fill(
      MemorySegment kv,
      ElementType type,
      int tokens,
      int heads,
      int headDim,
      long tokenStride,
      long headStride) {
    for (int t = 0; t < tokens; t++) {
      for (int h = 0; h < heads; h++) {
        var row = data.rows(type, 0, 1, headDim, 1);
        MemorySegment.copy(row, 0, kv, t * tokenStride + h * headStride, row.byteSize());
      }
    }
  }

  @Test
  void attentionOverPiecesMergesIntoAttentionOverAll() {
    int heads = 4;
    int headDim = 24;
    int width = heads * headDim;
    int rows = 3;
    int tokens = 100;
    long tokenStride = 4L * 2 * headDim;
    var q = data.floats((long) rows * width);
    var k = data.floats(tokens * tokenStride / 4);
    var v = data.floats(tokens * tokenStride / 4);
    int[] cuts = {0, 0, data.between(0, 50), data.between(50, tokens), tokens, tokens};
    int[] all = {tokens, tokens - 1, 0}; // the last row sees nothing at all
    var whole = data.floats((long) rows * width);
    var wholeState = data.floats(2L * rows * heads);
    attend(reference, q, k, v, 0, all, whole, wholeState, rows, heads, headDim, tokenStride);
    reference.finishAttention(whole, 0, 4L * width, wholeState, 0, rows, heads, headDim);

    var o = data.floats((long) rows * width);
    var state = data.floats(2L * rows * heads);
    var pieceO = data.floats((long) rows * width);
    var pieceState = data.floats(2L * rows * heads);
    for (int i = 1; i < cuts.length; i++) { // the first and the last piece are empty
      int[] lengths = new int[rows];
      for (int r = 0; r < rows; r++) {
        lengths[r] = Math.max(0, Math.min(cuts[i], all[r]) - cuts[i - 1]);
      }
      boolean into = i > 1;
      attend(
          kernels(),
          q,
          k,
          v,
          cuts[i - 1] * tokenStride,
          lengths,
          into ? pieceO : o,
          into ? pieceState : state,
          rows,
          heads,
          headDim,
          tokenStride);
      if (into) {
        kernels()
            .mergeAttention(
                o,
                0,
                4L * width,
                state,
                0,
                pieceO,
                0,
                4L * width,
                pieceState,
                0,
                rows,
                heads,
                0,
                heads,
                headDim);
      }
    }
    kernels().finishAttention(o, 0, 4L * width, state, 0, rows, heads, headDim);
    assertClose("cuts " + Arrays.toString(cuts), whole, o, 1e-5, 1e-5);
    for (int i = 0; i < width; i++) {
      assertEquals(0f, o.get(Elements.F32, 4L * (2 * width + i)), data::toString);
    }
  }

  private static void attend(
      Kernels kernels,
      MemorySegment q,
      MemorySegment k,
      MemorySegment v,
      long offset,
      int[] lengths,
      MemorySegment o,
      MemorySegment state,
      int rows,
      int heads,
      int headDim,
      long tokenStride) {
    long stride = 4L * heads * headDim;
    kernels.attention(
        q,
        0,
        stride,
        k,
        offset,
        v,
        offset,
        ElementType.F32,
        tokenStride,
        4L * headDim,
        lengths,
        0,
        0.3f,
        o,
        0,
        stride,
        state,
        0,
        rows,
        heads,
        2,
        0,
        2,
        headDim);
  }

  @Test
  void mergingAnEmptyPartialChangesNoBitOnEitherSide() {
    var o = data.floats(6);
    var state = data.floats(4);
    var empty = arena.allocate(24, 64);
    var emptyState = arena.allocate(16, 64);
    emptyState.set(Elements.F32, 0, Float.NEGATIVE_INFINITY);
    emptyState.set(Elements.F32, 8, Float.NEGATIVE_INFINITY);
    var into = data.copy(o);
    var intoState = data.copy(state);
    kernels().mergeAttention(into, 0, 24, intoState, 0, empty, 0, 24, emptyState, 0, 1, 2, 0, 2, 3);
    assertSameBits("other side empty", o, into);
    assertSameBits("other side empty, state", state, intoState);
    kernels().mergeAttention(empty, 0, 24, emptyState, 0, o, 0, 24, state, 0, 1, 2, 0, 2, 3);
    assertSameBits("this side empty", o, empty);
    assertSameBits("this side empty, state", state, emptyState);
  }

  @Test
  void mergingEmptyPartialsStaysEmpty() {
    var o = arena.allocate(16, 64);
    var state = arena.allocate(8, 64);
    state.set(Elements.F32, 0, Float.NEGATIVE_INFINITY);
    kernels()
        .mergeAttention(
            o, 0, 16, state, 0, data.copy(o), 0, 16, data.copy(state), 0, 1, 1, 0, 1, 4);
    assertEquals(Float.NEGATIVE_INFINITY, state.get(Elements.F32, 0));
    assertEquals(0f, state.get(Elements.F32, 4));
    assertEquals(0f, o.get(Elements.F32, 12));
  }

  @Test
  void attentionGivesTheSameBitsHoweverRowsAreBatched() {
    int heads = 6;
    int headDim = 40;
    int rows = 19;
    int width = heads * headDim;
    long tokenStride = 4L * 2 * headDim;
    var q = data.floats((long) rows * width);
    var k = data.floats(70 * tokenStride / 4);
    var v = data.floats(70 * tokenStride / 4);
    int[] lengths = data.ints(rows, 71);
    var o = data.floats((long) rows * width);
    var state = data.floats(2L * rows * heads);
    attend(kernels(), q, k, v, 0, lengths, o, state, rows, heads, headDim, tokenStride);
    for (int r = 0; r < rows; r++) {
      var oneO = data.floats(width);
      var oneState = data.floats(2L * heads);
      var oneQ = q.asSlice(4L * r * width, 4L * width);
      int[] length = {lengths[r]};
      attend(kernels(), oneQ, k, v, 0, length, oneO, oneState, 1, heads, headDim, tokenStride);
      assertSameBits("row " + r, o.asSlice(4L * r * width, 4L * width), oneO);
      assertSameBits("row " + r, state.asSlice(8L * r * heads, 8L * heads), oneState);
    }
  }

  @Test
  void operandsOutsideTheirSegmentsAreRefusedBeforeAnythingIsWritten() {
    var x = data.floats(8);
    var w = data.floats(15);
    var out = data.floats(4);
    var before = data.copy(out);
    var error =
        assertThrows(
            IndexOutOfBoundsException.class,
            () ->
                kernels().matmul(x, 0, 16, w, 0, ElementType.F32, null, 0, out, 0, 16, 1, 4, 0, 4));
    assertTrue(error.getMessage().startsWith("w: "), error.getMessage());
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> kernels().embed(w, 0, ElementType.F32, 3, new int[] {0, 3}, 0, out, 0, 8, 2, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> kernels().relu(x, -4, 16, 2, 4));
    assertThrows(IndexOutOfBoundsException.class, () -> kernels().relu(x, 0, Long.MAX_VALUE, 2, 4));
    assertThrows(IllegalArgumentException.class, () -> kernels().relu(x, 0, 12, 2, 4));
    assertSameBits("refused calls", before, out);
  }

  @Test
  void noRowsAndNoColumnsAreNoWork() {
    var x = data.floats(4);
    var before = data.copy(x);
    kernels().relu(x, 0, 16, 0, 4);
    kernels().add(x, 0, 16, data.floats(4), 0, 16, 1, 0);
    kernels().matmul(x, 0, 8, x, 0, ElementType.F32, null, 0, x, 0, 8, 2, 2, 1, 1);
    assertSameBits("no work", before, x);
  }

  /**
   * Asserts F32 numbers equal within {@code relative} of the expected one plus {@code absolute}.
   */
  protected void assertClose(
      String what, MemorySegment expected, MemorySegment actual, double relative, double absolute) {
    for (long at = 0; at < expected.byteSize(); at += 4) {
      float e = expected.get(Elements.F32, at);
      float a = actual.get(Elements.F32, at);
      if (!(Math.abs((double) e - a) <= relative * Math.abs(e) + absolute) && e != a) {
        throw new AssertionError(
            "%s: element %d is %s, expected %s (%s)".formatted(what, at / 4, a, e, data));
      }
    }
  }

  /** Asserts that two segments hold the same bytes. */
  protected void assertSameBits(String what, MemorySegment expected, MemorySegment actual) {
    long at = expected.mismatch(actual);
    assertEquals(-1, at, () -> what + ": first different byte (" + data + ")");
  }

  private void assertRestUntouched(
      String what,
      MemorySegment expected,
      MemorySegment actual,
      long offset,
      long stride,
      int rows,
      long bytes) {
    var rest = data.copy(actual);
    for (int r = 0; r < rows; r++) {
      long at = offset + r * stride;
      MemorySegment.copy(expected, at, rest, at, bytes);
    }
    assertSameBits(what + ", outside the written part", expected, rest);
  }
}
