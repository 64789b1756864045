package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that multiplies many rows of rounded activations, a row in each lane, by some weight
 * rows of a panel, whose codes are broadcast two by two.
 *
 * <pre>
 *   RDI   codes of a record of the rows ({@link CodeProducts})
 *   RSI   the first weight row of the panel: a block is its scale and min as floats, then codes
 *   RDX   bytes from a weight row to the next: {@link #rowBytes}
 *   RCX   blocks; from bit 32 on, how many tiles
 *   R8    sums {@code [tiles, 8 blocks, weight rows, lanes]}, added to
 *   R9    scales of the record
 * </pre>
 *
 * @param vectors of rows
 * @param outputs weight rows
 */
record CodeTile(Width width, Codes codes, int vectors, int outputs) {
  /** Weight rows that registers point to; others are reached from there. */
  private static final int POINTERS = 4;

  /** As many as keep the loads of activations from being the limit, where registers hold them. */
  static int mostOutputs(Width width, int vectors) {
    return width == Width.AVX512 && vectors == 1 ? 2 * POINTERS : POINTERS;
  }

  /** Floats before the codes of a panel's block. */
  static final int BLOCK_HEADER = 2 * Float.BYTES;

  static int blockBytes(Codes codes) {
    return BLOCK_HEADER + codes.numbers * Short.BYTES;
  }

  /** Bytes of a weight row of a panel. */
  static int rowBytes(Codes codes) {
    return CodeProducts.RECORD * blockBytes(codes);
  }

  byte[] code() {
    var a = new Assembler(width);
    var x = Register.RDI;
    var sums = Register.R8;
    var scales = Register.R9;
    var left = Register.RCX;
    Register[] w = {Register.RSI, Register.RAX, Register.RBX, Register.RBP};
    var saved =
        new Register[] {
          Register.RBX, Register.RBP, Register.R12, Register.R13, Register.R14, Register.R15
        };
    a.push(saved);
    a.moveLow(Register.R11, left);
    a.move(Register.R12, left);
    a.shiftRight(Register.R12, 32);
    a.move(Register.R13, sums);
    a.move(Register.R14, x);
    a.move(Register.R15, scales);
    int nextTile = a.here();
    a.move(Register.R10, Register.RSI);
    for (int j = 1; j < Math.min(outputs, POINTERS); j++) {
      a.sum(w[j], w[j - 1], Register.RDX);
    }
    a.move(left, Register.R11);
    int nextBlock = a.here();
    block(a, w);
    a.add(scales, lanes());
    a.subtract(left, 1);
    a.jumpIfNotZero(nextBlock);
    a.move(Register.RSI, Register.R10);
    for (int j = 0; j < outputs; j++) {
      a.add(Register.RSI, Register.RDX);
    }
    a.add(Register.R13, CodeProducts.RECORD * outputs * lanes());
    a.move(sums, Register.R13);
    a.move(x, Register.R14);
    a.move(scales, Register.R15);
    a.subtract(Register.R12, 1);
    a.jumpIfNotZero(nextTile);
    a.pop(saved);
    a.leave();
    return a.code();
  }

  /** Bytes of a number of each row. */
  private int lanes() {
    return vectors * width.bytes();
  }

  /** Sums of each element that take turns, so that none waits for the one before it. */
  private int chains() {
    return width == Width.AVX2 ? 1 : 2;
  }

  private void block(Assembler a, Register[] w) {
    int sum = 8; // the first of sums, all of which short instructions reach as targets
    var x = new Cursor(a, Register.RDI);
    var weights = new Cursor[Math.min(outputs, POINTERS)];
    for (int j = 0; j < weights.length; j++) {
      weights[j] = new Cursor(a, w[j]);
    }
    for (int pair = 0; pair < codes.numbers / 2; pair++) {
      for (int v = 0; v < vectors; v++) {
        a.load(v, x.register(), x.at(pair * lanes() + v * width.bytes()));
      }
      for (int j = 0; j < outputs; j++) {
        int codes = 2 + j % 2;
        broadcast(a, codes, weights, j, BLOCK_HEADER + 4 * pair);
        for (int v = 0; v < vectors; v++) {
          int to = sum + (pair % chains()) * vectors * outputs + j * vectors + v;
          if (pair < chains()) {
            a.multiplyPairs(to, v, codes);
          } else if (width == Width.AVX512) {
            a.addPairs(to, v, codes);
          } else {
            int product = 4 + (j * vectors + v) % 4;
            a.multiplyPairs(product, v, codes);
            a.addInts(to, to, product);
          }
        }
      }
    }
    x.moveTo(codes.numbers / 2 * lanes());
    var sums = new Cursor(a, Register.R8);
    var scales = new Cursor(a, Register.R9);
    for (int j = 0; j < outputs; j++) {
      broadcast(a, 2, weights, j, 0);
      if (codes.term == Codes.Term.MIN) {
        broadcast(a, 3, weights, j, Float.BYTES);
      }
      for (int v = 0; v < vectors; v++) {
        int from = sum + j * vectors + v;
        if (chains() == 2) {
          a.addInts(from, from, from + vectors * outputs);
        }
        int at = j * lanes() + v * width.bytes();
        a.load(0, sums.register(), sums.at(at));
        a.floats(from, from);
        a.multiply(1, 2, scales.register(), scales.at(v * width.bytes()));
        a.multiplyAdd(0, from, 1);
        if (codes.term == Codes.Term.MIN) {
          int of = CodeProducts.RECORD * lanes() + v * width.bytes();
          a.multiplyAdd(0, 3, scales.register(), scales.at(of));
        }
        a.store(0, sums.register(), sums.at(at));
      }
    }
    scales.moveTo(0);
    sums.moveTo(outputs * lanes());
    for (var cursor : weights) {
      cursor.moveTo(blockBytes(codes));
    }
  }

  /** Four bytes of a weight row's block, again and again. */
  private void broadcast(Assembler a, int to, Cursor[] weights, int row, int at) {
    var pointer = weights[row % POINTERS];
    int rows = row / POINTERS * POINTERS;
    a.broadcast(to, pointer.register(), pointer.at(at) + rows * rowBytes(codes));
  }

  /**
   * Widens blocks of weight rows into a panel.
   *
   * <pre>
   *   RDI   the panel
   *   RSI   the first weight row
   *   RDX   bytes from a weight row to the next
   *   RCX   blocks of each
   *   R8    bytes from a row of the panel to the next
   *   R9    weight rows; from bit 32 on, distance in bytes to the weights that are needed next
   * </pre>
   */
  static byte[] widen(Width width, Codes codes) {
    var a = new Assembler(Width.AVX2);
    int mask = 15;
    codes.constants(a, mask);
    if (codes.term == Codes.Term.OFFSET) {
      a.constant(mask - 1, Codes.OFFSET << 16 | Codes.OFFSET);
    }
    var saved = new Register[] {Register.RBX, Register.RBP};
    a.push(saved);
    a.move(Register.R10, Register.R9);
    a.shiftRight(Register.R10, 32);
    a.moveLow(Register.R9, Register.R9);
    a.move(Register.R11, Register.RCX);
    int nextRow = a.here();
    a.move(Register.RBX, Register.RDI);
    a.move(Register.RBP, Register.RSI);
    a.sum(Register.RAX, Register.RSI, Register.R10);
    int bytes = codes.recordBytes;
    for (int at = 0; at < bytes; at += Scratch.CACHE_LINE) {
      a.prefetch(Register.RAX, at, width.level());
    }
    a.prefetch(Register.RAX, bytes - 1, width.level());
    int nextBlock = a.here();
    var w = new Cursor(a, Register.RSI);
    var to = new Cursor(a, Register.RDI);
    int blocks = codes.superblocks() ? CodeProducts.RECORD : 1;
    int vectors = codes.numbers / Codes.VECTOR;
    if (codes.superblocks()) {
      codes.scales(a, 4, w, blocks);
      storeScales(a, codes, 4, to);
    } else {
      a.loadInt(0, w.register(), 0); // the scale, and the min or what nobody reads
      a.widenHalves(0, 0);
      a.storeTwo(0, to.register(), 0);
    }
    for (int group = 0; group < blocks / codes.group; group++) {
      for (int step = 0; step < codes.steps(); step++) {
        codes.widen(a, 4, w, group, step, mask);
        for (int nth = 0; nth < codes.together(); nth++) {
          int vector = group * codes.group * vectors + codes.vector(step, nth);
          if (codes.term == Codes.Term.OFFSET) {
            a.subtractShorts(4 + nth, 4 + nth, mask - 1);
          }
          if (codes == Codes.Q6_K) {
            // the scale is the upper of two bytes
            a.broadcastShort(0, w.register(), w.at(Codes.SCALES + vector - 1));
            a.shiftSignedShortsRight(0, 0, 8);
            a.multiplyShorts(4 + nth, 4 + nth, 0);
          }
          int block = vector / vectors;
          int at = BLOCK_HEADER + Width.AVX2.bytes() * (vector % vectors);
          a.store(4 + nth, to.register(), to.at(block * blockBytes(codes) + at));
        }
      }
    }
    to.moveTo(blocks * blockBytes(codes));
    w.moveTo(blocks == 1 ? codes.header(1) : codes.recordBytes);
    a.subtract(Register.RCX, blocks);
    a.jumpIfNotZero(nextBlock);
    a.sum(Register.RDI, Register.RBX, Register.R8);
    a.sum(Register.RSI, Register.RBP, Register.RDX);
    a.move(Register.RCX, Register.R11);
    a.subtract(Register.R9, 1);
    a.jumpIfNotZero(nextRow);
    a.pop(saved);
    a.leave();
    return a.code();
  }

  /** Stores scales of eight blocks, and mins from the next register, before each one's codes. */
  private static void storeScales(Assembler a, Codes codes, int scales, Cursor to) {
    for (int block = 0; block < CodeProducts.RECORD; block++) {
      int at = to.at(block * blockBytes(codes));
      if (block == 4) {
        a.upperHalf(scales, scales);
        a.upperHalf(scales + 1, scales + 1);
      }
      a.storeInt(scales, block % 4, to.register(), at);
      if (codes.term == Codes.Term.MIN) {
        a.storeInt(scales + 1, block % 4, to.register(), at + Float.BYTES);
      }
    }
  }

  /**
   * Adds the eight sums of each element up, as {@link Tile#fold} does lanes.
   *
   * <pre>
   *   RDI   sums {@code [tiles, 8 blocks, weight rows, lanes]}
   *   RSI   where the first row's first element goes
   *   RDX   bytes from a row to the next
   *   RCX   tiles
   * </pre>
   */
  byte[] fold() {
    var a = new Assembler(Width.AVX2);
    int nextTile = a.here();
    a.move(Register.R8, Register.RSI);
    for (int v = 0; v < lanes() / Width.AVX2.bytes(); v++) {
      for (int first = 0; first < outputs; first += POINTERS) {
        fold(a, v, first, Math.min(POINTERS, outputs - first));
      }
      a.move(Register.R8, Register.R9);
    }
    a.add(Register.RDI, CodeProducts.RECORD * outputs * lanes());
    a.add(Register.RSI, Float.BYTES * outputs);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextTile);
    a.leave();
    return a.code();
  }

  /**
   * Folds eight lanes of some weight rows, at most four, and stores them from R8 on; R9 ends
   * behind.
   */
  private void fold(Assembler a, int eight, int first, int rows) {
    var sums = new Cursor(a, Register.RDI);
    for (int j = 0; j < rows; j++) {
      for (int block = 0; block < 8; block++) {
        int row = block * outputs + first + j;
        a.load(4 + block, Register.RDI, sums.at(row * lanes() + Width.AVX2.bytes() * eight));
      }
      a.add(4, 4, 8);
      a.add(5, 5, 9);
      a.add(6, 6, 10);
      a.add(7, 7, 11);
      a.add(4, 4, 6);
      a.add(5, 5, 7);
      a.add(12 + j, 4, 5);
    }
    sums.moveTo(0);
    a.move(Register.R9, Register.R8);
    for (int lane = 0; lane < Width.AVX2.lanes; lane++) {
      for (int j = 0; j < rows; j++) {
        if (lane == 4) {
          a.upperHalf(12 + j, 12 + j);
        }
        a.storeInt(12 + j, lane % 4, Register.R9, Float.BYTES * (first + j));
      }
      a.add(Register.R9, Register.RDX);
    }
  }
}
