package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that multiplies some rows of activations, interleaved vector by vector, by some
 * weight rows where they lie, whose numbers are widened in registers. Number i of a row is added to
 * lane i % L of the element's sum, L being the lanes of a vector.
 *
 * <pre>
 *   RDI   activations {@code [k / L, rows, L]}
 *   RSI   the first weight row
 *   RDX   bytes from a weight row to the next
 *   RCX   steps of a row; from bit 32 on, how many tiles
 *   R8    sums {@code [tiles, rows, weight rows, L]}, added to
 *   R9    distance in bytes to the weights that are needed next
 * </pre>
 *
 * @param rows activation rows
 * @param outputs weight rows
 */
record Tile(Width width, Format format, int rows, int outputs) {
  /** The most weight rows of any tile. */
  static final int MOST_OUTPUTS = 4;

  static int mostRows(Width width) {
    return width == Width.AVX2 ? 4 : 8;
  }

  /**
   * As many as registers hold. Up to {@value FloatProducts#FEW} rows read them as memory is read
   * fastest: in 256 bits it is four rows at a time, in 512 one after the other and well ahead.
   */
  static int mostOutputs(Width width, int rows) {
    return switch (width) {
      case AVX2 -> rows <= 2 ? MOST_OUTPUTS : 3;
      case AVX512 -> rows <= FloatProducts.FEW ? 1 : rows <= 6 ? MOST_OUTPUTS : 3;
    };
  }

  /**
   * @param ahead whether the weights that are needed next are asked for
   */
  byte[] code(boolean ahead) {
    var a = new Assembler(width);
    var sums = Register.R8;
    var left = Register.RCX;
    Register[] w = {Register.RSI, Register.RAX, Register.RBX, Register.RBP};
    var saved = new Register[] {Register.RBX, Register.RBP, Register.R12, Register.R13};
    a.push(saved);
    a.move(Register.R10, Register.RDI);
    a.moveLow(Register.R11, left);
    a.move(Register.R12, left);
    a.shiftRight(Register.R12, 32);
    int nextTile = a.here();
    a.move(Register.RDI, Register.R10);
    a.move(left, Register.R11);
    a.move(Register.R13, Register.RSI);
    for (int j = 1; j < outputs; j++) {
      a.sum(w[j], w[j - 1], Register.RDX);
    }
    for (int i = 0; i < rows * outputs; i++) {
      a.load(i, sums, width.bytes() * i);
    }
    int nextStep = a.here();
    step(a, w, ahead);
    a.subtract(left, 1);
    a.jumpIfNotZero(nextStep);
    for (int i = 0; i < rows * outputs; i++) {
      a.store(i, sums, width.bytes() * i);
    }
    a.add(sums, width.bytes() * rows * outputs);
    a.move(Register.RSI, Register.R13);
    for (int j = 0; j < outputs; j++) {
      a.add(Register.RSI, Register.RDX);
    }
    a.subtract(Register.R12, 1);
    a.jumpIfNotZero(nextTile);
    a.pop(saved);
    a.leave();
    return a.code();
  }

  private void step(Assembler a, Register[] w, boolean ahead) {
    var x = new Cursor(a, Register.RDI);
    int widened = rows * outputs;
    int activations = widened + outputs;
    if (ahead) {
      for (int j = 0; j < outputs; j++) {
        a.prefetch(w[j], Register.R9, width.level());
      }
    }
    for (int v = 0; v < Format.STEP / width.lanes; v++) {
      for (int j = 0; j < outputs; j++) {
        format.widen(a, widened + j, w[j], v);
      }
      for (int r = 0; r < rows; r++) {
        int at = x.at(width.bytes() * (v * rows + r));
        if (outputs == 1) {
          a.multiplyAdd(r, widened, x.register(), at);
        } else {
          a.load(activations, x.register(), at);
          for (int j = 0; j < outputs; j++) {
            a.multiplyAdd(r * outputs + j, widened + j, activations);
          }
        }
      }
    }
    x.moveTo(width.bytes() * rows * Format.STEP / width.lanes);
    for (int j = 0; j < outputs; j++) {
      a.add(w[j], format.bytes(Format.STEP));
    }
  }

  /**
   * Adds the lanes of each element's sum up: the upper half and the lower, again and again. Of
   * eight lanes that is 0 and 4, 1 and 5, 2 and 6, 3 and 7 first, then those sums 0 and 2, 1 and 3,
   * then both.
   *
   * <pre>
   *   RDI   sums {@code [tiles, rows, weight rows, L]}
   *   RSI   where the first row's first element goes
   *   RDX   bytes from a row to the next
   *   RCX   tiles
   * </pre>
   */
  static byte[] fold(Width width, int rows, int outputs) {
    var a = new Assembler(width);
    int nextTile = a.here();
    a.move(Register.R8, Register.RSI);
    var sums = new Cursor(a, Register.RDI);
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < outputs; j++) {
        int to = (r * outputs + j) % 8;
        int other = 8 + to;
        a.load(to, sums.register(), sums.at(width.bytes() * (r * outputs + j)));
        if (width == Width.AVX512) {
          a.upperEight(other, to);
          a.addEight(to, to, other);
        }
        a.upperHalf(other, to);
        a.addFour(to, to, other);
        a.upperTwo(other, to);
        a.addFour(to, to, other);
        a.odd(other, to);
        a.addFour(to, to, other);
        a.storeFirst(to, Register.R8, Float.BYTES * j);
      }
      a.add(Register.R8, Register.RDX);
    }
    sums.moveTo(width.bytes() * rows * outputs);
    a.add(Register.RSI, Float.BYTES * outputs);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextTile);
    a.leave();
    return a.code();
  }

  /** Copies vectors: RCX of them from RDI to RSI and from there on every RDX bytes. */
  static byte[] interleave(Width width) {
    var a = new Assembler(width);
    int next = a.here();
    a.load(0, Register.RDI, 0);
    a.store(0, Register.RSI, 0);
    a.add(Register.RDI, width.bytes());
    a.add(Register.RSI, Register.RDX);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(next);
    a.leave();
    return a.code();
  }

  /** Stores zeros: as many vectors as RCX says, from RDI on. */
  static byte[] clear(Width width) {
    var a = new Assembler(width);
    a.zero(0);
    int next = a.here();
    a.store(0, Register.RDI, 0);
    a.add(Register.RDI, width.bytes());
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(next);
    a.leave();
    return a.code();
  }
}
