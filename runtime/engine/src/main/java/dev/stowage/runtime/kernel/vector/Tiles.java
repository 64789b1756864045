package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost products of many rows: of weights and activations that lie in the heap as they are
 * read, {@value #SIDE} rows interleaved vector by vector.
 *
 * <p>Nine accumulators, three weights and three activations fill the 16 vector registers of AVX2.
 * C2 loads all operands of a step first: with one accumulator more, or a step of two vectors, it
 * keeps some in memory, whose latency then is the speed of the whole.
 *
 * <p>Loops end at {@code i != n}, where n is a multiple of the step: C2 takes such a loop as it is.
 * One that ends at {@code i < n} it unrolls. Indices are masked to less than 2^30, so that C2 sees
 * that a constant added to one does not overflow, and makes it part of the address.
 */
final class Tiles {
  /** Weight rows, and activation rows, of a tile. */
  static final int SIDE = 3;

  /** Floats of the accumulators of a tile, {@code [activation row, weight row, LANES]}. */
  static final int ACCUMULATORS = SIDE * SIDE * LANES;

  /** Tiles of a panel. */
  static final int PANEL_TILES = 4;

  /** Weight rows of a panel. */
  static final int PANEL_OUTPUTS = PANEL_TILES * SIDE;

  /** Numbers of a weight row in a panel; a multiple of every group. */
  static final int PANEL_DEPTH = 512;

  /** Floats from a tile of a panel to the next. */
  static final int TILE_FLOATS = SIDE * PANEL_DEPTH;

  static final int NO_OVERFLOW = (1 << 30) - 1;

  private Tiles() {}

  /**
   * Adds to the accumulators of a tile.
   *
   * @param w0 of three weight rows
   * @param x0 of three activation rows
   * @param depth numbers of each
   */
  static void tile(float[] w, int w0, float[] x, int x0, int depth, float[] sum, int sum0) {
    int at = sum0 & NO_OVERFLOW;
    var s00 = FloatVector.fromArray(F, sum, at);
    var s01 = FloatVector.fromArray(F, sum, at + LANES);
    var s02 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s10 = FloatVector.fromArray(F, sum, at + 3 * LANES);
    var s11 = FloatVector.fromArray(F, sum, at + 4 * LANES);
    var s12 = FloatVector.fromArray(F, sum, at + 5 * LANES);
    var s20 = FloatVector.fromArray(F, sum, at + 6 * LANES);
    var s21 = FloatVector.fromArray(F, sum, at + 7 * LANES);
    var s22 = FloatVector.fromArray(F, sum, at + 8 * LANES);
    int n = SIDE * depth;
    for (int i = 0; i != n; i += SIDE * LANES) {
      int wi = w0 + i & NO_OVERFLOW;
      int xi = x0 + i & NO_OVERFLOW;
      var xa = FloatVector.fromArray(F, x, xi);
      var xb = FloatVector.fromArray(F, x, xi + LANES);
      var xc = FloatVector.fromArray(F, x, xi + 2 * LANES);
      var c = FloatVector.fromArray(F, w, wi);
      s00 = xa.fma(c, s00);
      s10 = xb.fma(c, s10);
      s20 = xc.fma(c, s20);
      c = FloatVector.fromArray(F, w, wi + LANES);
      s01 = xa.fma(c, s01);
      s11 = xb.fma(c, s11);
      s21 = xc.fma(c, s21);
      c = FloatVector.fromArray(F, w, wi + 2 * LANES);
      s02 = xa.fma(c, s02);
      s12 = xb.fma(c, s12);
      s22 = xc.fma(c, s22);
    }
    s00.intoArray(sum, at);
    s01.intoArray(sum, at + LANES);
    s02.intoArray(sum, at + 2 * LANES);
    s10.intoArray(sum, at + 3 * LANES);
    s11.intoArray(sum, at + 4 * LANES);
    s12.intoArray(sum, at + 5 * LANES);
    s20.intoArray(sum, at + 6 * LANES);
    s21.intoArray(sum, at + 7 * LANES);
    s22.intoArray(sum, at + 8 * LANES);
  }

  /**
   * Adds to the first activation row's accumulators of all tiles of a panel.
   *
   * @param w0 of a panel
   * @param x0 of one activation row, by itself
   * @param depth numbers of each
   */
  static void single(float[] w, int w0, float[] x, int x0, int depth, float[] sum, int sum0) {
    int at = sum0 & NO_OVERFLOW;
    var s00 = FloatVector.fromArray(F, sum, at);
    var s01 = FloatVector.fromArray(F, sum, at + LANES);
    var s02 = FloatVector.fromArray(F, sum, at + 2 * LANES);
    var s03 = FloatVector.fromArray(F, sum, at + ACCUMULATORS);
    var s04 = FloatVector.fromArray(F, sum, at + ACCUMULATORS + LANES);
    var s05 = FloatVector.fromArray(F, sum, at + ACCUMULATORS + 2 * LANES);
    var s06 = FloatVector.fromArray(F, sum, at + 2 * ACCUMULATORS);
    var s07 = FloatVector.fromArray(F, sum, at + 2 * ACCUMULATORS + LANES);
    var s08 = FloatVector.fromArray(F, sum, at + 2 * ACCUMULATORS + 2 * LANES);
    var s09 = FloatVector.fromArray(F, sum, at + 3 * ACCUMULATORS);
    var s10 = FloatVector.fromArray(F, sum, at + 3 * ACCUMULATORS + LANES);
    var s11 = FloatVector.fromArray(F, sum, at + 3 * ACCUMULATORS + 2 * LANES);
    for (int i = 0; i != depth; i += LANES) {
      int wi = w0 + SIDE * i & NO_OVERFLOW;
      var xa = FloatVector.fromArray(F, x, x0 + i & NO_OVERFLOW);
      s00 = xa.fma(FloatVector.fromArray(F, w, wi), s00);
      s01 = xa.fma(FloatVector.fromArray(F, w, wi + LANES), s01);
      s02 = xa.fma(FloatVector.fromArray(F, w, wi + 2 * LANES), s02);
      s03 = xa.fma(FloatVector.fromArray(F, w, wi + TILE_FLOATS), s03);
      s04 = xa.fma(FloatVector.fromArray(F, w, wi + TILE_FLOATS + LANES), s04);
      s05 = xa.fma(FloatVector.fromArray(F, w, wi + TILE_FLOATS + 2 * LANES), s05);
      s06 = xa.fma(FloatVector.fromArray(F, w, wi + 2 * TILE_FLOATS), s06);
      s07 = xa.fma(FloatVector.fromArray(F, w, wi + 2 * TILE_FLOATS + LANES), s07);
      s08 = xa.fma(FloatVector.fromArray(F, w, wi + 2 * TILE_FLOATS + 2 * LANES), s08);
      s09 = xa.fma(FloatVector.fromArray(F, w, wi + 3 * TILE_FLOATS), s09);
      s10 = xa.fma(FloatVector.fromArray(F, w, wi + 3 * TILE_FLOATS + LANES), s10);
      s11 = xa.fma(FloatVector.fromArray(F, w, wi + 3 * TILE_FLOATS + 2 * LANES), s11);
    }
    s00.intoArray(sum, at);
    s01.intoArray(sum, at + LANES);
    s02.intoArray(sum, at + 2 * LANES);
    s03.intoArray(sum, at + ACCUMULATORS);
    s04.intoArray(sum, at + ACCUMULATORS + LANES);
    s05.intoArray(sum, at + ACCUMULATORS + 2 * LANES);
    s06.intoArray(sum, at + 2 * ACCUMULATORS);
    s07.intoArray(sum, at + 2 * ACCUMULATORS + LANES);
    s08.intoArray(sum, at + 2 * ACCUMULATORS + 2 * LANES);
    s09.intoArray(sum, at + 3 * ACCUMULATORS);
    s10.intoArray(sum, at + 3 * ACCUMULATORS + LANES);
    s11.intoArray(sum, at + 3 * ACCUMULATORS + 2 * LANES);
  }
}
