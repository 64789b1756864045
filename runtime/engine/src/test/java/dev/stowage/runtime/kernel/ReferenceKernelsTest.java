package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.RopeScaling;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** The definition itself against numbers worked out by hand or taken from tables. */
final class ReferenceKernelsTest extends KernelAgreement {
  private final Kernels kernels = new ReferenceKernels();

  @Override
  protected Kernels kernels() {
    return kernels;
  }

  @Test
  void linearLayerIsTheProductWithTheTransposedWeightsPlusBias() {
    var out = row(0, 0);
    kernels.matmul(
        row(1, 2, 3),
        0,
        12,
        row(1, 0, 0, 4, 5, 6),
        0,
        ElementType.F32,
        row(10, 20),
        0,
        out,
        0,
        8,
        1,
        3,
        0,
        2);
    assertRow(out, 11, 52);
  }

  @Test
  void normsOfSmallRows() {
    var out = row(0, 0);
    kernels.layerNorm(row(1, 3), 0, 8, row(2, 2), 0, row(0, 1), 0, 0, out, 0, 8, 1, 2);
    assertRow(out, -2, 3);
    kernels.rmsNorm(row(3, 3), 0, 8, row(1, 2), 0, 0, out, 0, 8, 1, 1, 2);
    assertRow(out, 1, 2);
  }

  /** Values of torch.nn.functional.gelu and silu, to six digits. */
  @Test
  void activationsOfTabulatedPoints() {
    var x = row(-1, 1, 3);
    kernels.geluErf(x, 0, 12, 1, 3);
    assertRow(x, -0.158655f, 0.841345f, 2.995950f);
    x = row(-1, 1, 3);
    kernels.geluTanh(x, 0, 12, 1, 3);
    assertRow(x, -0.158808f, 0.841192f, 2.996363f);
    x = row(-1, 1, 2);
    kernels.siluMultiply(x, 0, 12, row(1, 2, 1), 0, 12, 1, 3);
    assertRow(x, -0.268941f, 1.462117f, 1.761594f);
  }

  @Test
  void ropeTurnsAPairByItsAngle() {
    try (var arena = Arena.ofShared()) {
      var table = RopeTable.create(arena, 3, 4, 10_000, new RopeScaling.None());
      var x = row(1, 0, 0, 1); // pairs (1, 0) at angle 2 and (0, 1) at angle 0.02
      kernels.rope(x, 0, 16, table, new int[] {2}, 0, 1, 1, 4);
      assertRow(
          x,
          (float) Math.cos(2),
          (float) -Math.sin(0.02),
          (float) Math.sin(2),
          (float) Math.cos(0.02));
    }
  }

  @Test
  void attentionOfTwoTokensWeighsValuesByTheSoftmaxOfTheirScores() {
    var o = row(0);
    var state = row(0, 0);
    float scale = (float) Math.log(3); // scores log 3 and 0: weights 1 and 1/3 before division
    kernels.attention(
        row(1),
        0,
        4,
        row(1, 0),
        0,
        row(4, 8),
        0,
        ElementType.F32,
        4,
        4,
        new int[] {2},
        0,
        scale,
        o,
        0,
        4,
        state,
        0,
        1,
        1,
        1,
        0,
        1,
        1);
    assertRow(state, scale, 4 / 3f);
    assertRow(o, 4 + 8 / 3f);
    kernels.finishAttention(o, 0, 4, state, 0, 1, 1, 1);
    assertRow(o, 5);
  }

  private static MemorySegment row(float... values) {
    var segment = Arena.ofAuto().allocate(4L * values.length, 4);
    MemorySegment.copy(values, 0, segment, Elements.F32, 0, values.length);
    return segment;
  }

  private static void assertRow(MemorySegment row, float... expected) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], row.get(Elements.F32, 4L * i), 2e-6f, "element " + i);
    }
  }
}
