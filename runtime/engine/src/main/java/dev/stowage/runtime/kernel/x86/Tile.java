package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that multiplies some rows of activations, interleaved vector by vector, by some
 * weight rows where they lie, whose numbers are widened in registers. Number i of a row is added to
 * lane i % 8 of the element's sum.
 *
 * <pre>
 *   RDI   activations {@code [k / 8, rows, 8]}
 *   RSI   the first weight row
 *   RDX   bytes from a weight row to the next
 *   RCX   steps of a row; from bit 32 on, how many tiles
 *   R8    sums {@code [tiles, rows, weight rows, 8]}, added to
 *   R9    distance in bytes to the weights that are needed next
 * </pre>
 *
 * @param rows activation rows
 * @param outputs weight rows
 */
record Tile(Format format, int rows, int outputs) {
  static final int MOST_ROWS = 4;

  /** As many as registers hold; one row reads more at a time, as memory likes it. */
  static int mostOutputs(int rows) {
    return rows <= 2 ? 4 : 3;
  }

  static final int VECTOR_BYTES = 32;

  /**
   * @param ahead whether the weights that are needed next are asked for
   */
  byte[] code(boolean ahead) {
    var a = new Assembler();
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
      a.load(i, sums, VECTOR_BYTES * i);
    }
    int nextStep = a.here();
    step(a, w, ahead);
    a.subtract(left, 1);
    a.jumpIfNotZero(nextStep);
    for (int i = 0; i < rows * outputs; i++) {
      a.store(i, sums, VECTOR_BYTES * i);
    }
    a.add(sums, VECTOR_BYTES * rows * outputs);
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
        a.prefetch(w[j], Register.R9);
      }
    }
    for (int v = 0; v < Format.STEP / 8; v++) {
      for (int j = 0; j < outputs; j++) {
        format.widen(a, widened + j, w[j], v);
      }
      for (int r = 0; r < rows; r++) {
        int at = x.at(VECTOR_BYTES * (v * rows + r));
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
    x.moveTo(VECTOR_BYTES * rows * Format.STEP / 8);
    for (int j = 0; j < outputs; j++) {
      a.add(w[j], format.bytes(Format.STEP));
    }
  }

  /**
   * Adds the lanes of each element's sum up: 0 and 4, 1 and 5, 2 and 6, 3 and 7 first, then those
   * sums 0 and 2, 1 and 3, then both.
   *
   * <pre>
   *   RDI   sums {@code [tiles, rows, weight rows, 8]}
   *   RSI   where the first row's first element goes
   *   RDX   bytes from a row to the next
   *   RCX   tiles
   * </pre>
   */
  static byte[] fold(int rows, int outputs) {
    var a = new Assembler();
    int nextTile = a.here();
    a.move(Register.R8, Register.RSI);
    var sums = new Cursor(a, Register.RDI);
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < outputs; j++) {
        int to = (r * outputs + j) % 8;
        int other = 8 + to;
        a.load(to, sums.register(), sums.at(VECTOR_BYTES * (r * outputs + j)));
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
    sums.moveTo(VECTOR_BYTES * rows * outputs);
    a.add(Register.RSI, Float.BYTES * outputs);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextTile);
    a.leave();
    return a.code();
  }

  /** Copies vectors: RCX of them from RDI to RSI and from there on every RDX bytes. */
  static byte[] interleave() {
    var a = new Assembler();
    int next = a.here();
    a.load(0, Register.RDI, 0);
    a.store(0, Register.RSI, 0);
    a.add(Register.RDI, VECTOR_BYTES);
    a.add(Register.RSI, Register.RDX);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(next);
    a.leave();
    return a.code();
  }

  /** Stores zeros: as many vectors as RCX says, from RDI on. */
  static byte[] clear() {
    var a = new Assembler();
    a.zero(0);
    int next = a.here();
    a.store(0, Register.RDI, 0);
    a.add(Register.RDI, VECTOR_BYTES);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(next);
    a.leave();
    return a.code();
  }
}
