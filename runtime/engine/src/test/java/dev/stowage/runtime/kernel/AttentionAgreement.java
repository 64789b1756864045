package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What attention over many tokens must be on a device that splits them over its units: the
 * reference's numbers, and for every row the same bits whatever rows it is batched with. The data
 * is random, its seed in every message.
 */
public abstract class AttentionAgreement {
  private static final List<ElementType> TYPES =
      List.of(
          ElementType.F32, ElementType.F16, ElementType.BF16, ElementType.INT8, ElementType.INT4);

  private final Kernels reference = new ReferenceKernels();
  private Arena arena;
  private RandomData data;

  /** The implementation under test. */
  protected abstract Kernels kernels();

  /** The widest heads it takes, as far as they are tried. */
  protected int widestHead() {
    return 530;
  }

  @BeforeEach
  void openArena() {
    arena = Arena.ofShared();
    data = new RandomData(arena);
  }

  @AfterEach
  void closeArena() {
    arena.close();
  }

  /** Keys, values and queries of one call. */
  private record Case(
      ElementType type, int kvHeads, int group, int headDim, MemorySegment k, MemorySegment v) {
    int heads() {
      return kvHeads * group;
    }

    long tokenStride() {
      return kvHeads * type.rowBytes(headDim);
    }

    void attend(Kernels by, MemorySegment q, int[] lengths, MemorySegment o, MemorySegment state) {
      long stride = 4L * heads() * headDim;
      by.attention(
          q,
          0,
          stride,
          k,
          0,
          v,
          0,
          type,
          tokenStride(),
          type.rowBytes(headDim),
          lengths,
          0,
          0.2f,
          o,
          0,
          stride,
          state,
          0,
          lengths.length,
          heads(),
          kvHeads,
          0,
          kvHeads,
          headDim);
    }
  }

  @Test
  void manyTokensAgreeWithTheReferenceWhateverRowsShareThem() {
    int[] groups = {1, 2, 3, 4, 6};
    int[] widths = {16, 45, 64, 128, 200};
    for (int i = 0; i < TYPES.size(); i++) {
      var type = TYPES.get(i);
      for (int j = 0; j < 2; j++) {
        int tokens = data.between(260, 420);
        int kvHeads = 1 + j;
        int group = groups[data.between(0, groups.length)];
        int headDim = widths[(i + 2 * j) % widths.length];
        int[] lengths = {tokens, 129, 0, 128, data.between(130, 260), 1, tokens};
        agrees(type, kvHeads, group, headDim, lengths, new int[] {1, 4});
      }
    }
  }

  @Test
  void rowsOfAPromptAgreeWithTheReferenceHoweverManyAreTakenAtOnce() {
    for (var type : TYPES) {
      int group = data.between(1, 6);
      int rows = data.between(66, 90);
      int before = type == ElementType.F32 ? 0 : data.between(170, 200); // stored
      int[] lengths = new int[rows];
      for (int row = 0; row < rows; row++) {
        lengths[row] = before + row + 1;
      }
      agrees(type, 1, group, data.between(33, 80), lengths, new int[] {0, 40, rows - 1});
    }
  }

  @Test
  void wideHeadsAgreeWithTheReference() {
    for (var type : TYPES) {
      int headDim = data.between(widestHead() / 2, widestHead() + 1);
      agrees(type, 2, data.between(1, 4), headDim, new int[] {70, 3, 0, 71}, new int[] {1, 3});
    }
  }

  /** So many rows that a device has no need to split what each of them sees. */
  @Test
  void manyRowsOfManyTokensAgreeWithTheReference() {
    int[] lengths = new int[32];
    for (int row = 0; row < lengths.length; row++) {
      lengths[row] = 245 + row;
    }
    agrees(ElementType.F16, 8, 33, 8, lengths, new int[] {0, 31});
  }

  private void agrees(
      ElementType type, int kvHeads, int group, int headDim, int[] lengths, int[] alone) {
    int tokens = Arrays.stream(lengths).max().orElseThrow();
    var k = data.rows(type, 0, (long) tokens * kvHeads, headDim, 1);
    var v = data.rows(type, 0, (long) tokens * kvHeads, headDim, 1);
    agrees(new Case(type, kvHeads, group, headDim, k, v), lengths, alone);
  }

  /** Attention of all rows, and of some rows by themselves. */
  private void agrees(Case c, int[] lengths, int[] alone) {
    int rows = lengths.length;
    int width = c.heads() * c.headDim();
    var q = data.floats((long) rows * width);
    var o = data.floats((long) rows * width);
    var state = data.floats(2L * rows * c.heads());
    var actualO = data.copy(o);
    var actualState = data.copy(state);
    c.attend(reference, q, lengths, o, state);
    c.attend(kernels(), q, lengths, actualO, actualState);
    String what =
        "%s, %d rows, %d x %d heads of %d (%s)"
            .formatted(c.type(), rows, c.kvHeads(), c.group(), c.headDim(), data);
    assertClose(what + ", state", state, actualState, 1e-4, 1e-4);
    assertClose(what, o, actualO, 1e-4, 1e-3);
    for (int row : alone) {
      var oneO = data.floats(width);
      var oneState = data.floats(2L * c.heads());
      int[] length = {lengths[row]};
      c.attend(kernels(), q.asSlice(4L * row * width, 4L * width), length, oneO, oneState);
      assertEquals(
          -1, actualO.asSlice(4L * row * width, 4L * width).mismatch(oneO), what + " row " + row);
      long bytes = 8L * c.heads();
      assertEquals(
          -1, actualState.asSlice(row * bytes, bytes).mismatch(oneState), what + " row " + row);
    }
  }

  private static void assertClose(
      String what, MemorySegment expected, MemorySegment actual, double relative, double absolute) {
    for (long at = 0; at < expected.byteSize(); at += 4) {
      float e = expected.get(ValueLayout.JAVA_FLOAT, at);
      float a = actual.get(ValueLayout.JAVA_FLOAT, at);
      long element = at / 4;
      assertTrue(
          e == a || Math.abs((double) e - a) <= relative * Math.abs(e) + absolute,
          () -> "%s: element %d is %s, expected %s".formatted(what, element, a, e));
    }
  }
}
