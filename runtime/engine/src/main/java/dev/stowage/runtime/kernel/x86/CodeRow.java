package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that multiplies one row of rounded activations by quantized weight rows where they
 * lie. The products of a block are summed as integers, so in no order; eight blocks at a time are
 * then scaled, one in each lane of the sum.
 *
 * <pre>
 *   RDI   the row's records ({@link CodeProducts})
 *   RSI   the first weight row
 *   RDX   bytes from a weight row to the next
 *   RCX   records
 *   R8    sums {@code [weight rows, 8]}, added to
 *   R9    weight rows
 * </pre>
 *
 * @param width whose memory is read; vectors are of eight
 * @param blocks of each record; fewer than {@value CodeProducts#RECORD} at the end of a row
 */
record CodeRow(Width width, Codes codes, int blocks) {
  private static final int SUM = 15;
  private static final int MASK = 14;
  private static final int SCALES = 13;
  private static final int MINS = 12;
  private static final int FREE = 10;

  byte[] code() {
    var a = new Assembler(Width.AVX2);
    var saved = new Register[] {Register.RBX, Register.RBP};
    a.push(saved);
    codes.constants(a, MASK);
    a.move(Register.RBX, Register.RDI);
    a.move(Register.RBP, Register.RSI);
    a.move(Register.R11, Register.RCX);
    int nextRow = a.here();
    a.load(SUM, Register.R8, 0);
    int nextRecord = a.here();
    record(a);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextRecord);
    a.store(SUM, Register.R8, 0);
    a.add(Register.R8, Width.AVX2.bytes());
    a.add(Register.RBP, Register.RDX);
    a.move(Register.RSI, Register.RBP);
    a.move(Register.RDI, Register.RBX);
    a.move(Register.RCX, Register.R11);
    a.subtract(Register.R9, 1);
    a.jumpIfNotZero(nextRow);
    a.pop(saved);
    a.leave();
    return a.code();
  }

  private void record(Assembler a) {
    var x = new Cursor(a, Register.RDI);
    var w = new Cursor(a, Register.RSI);
    if (width == Width.AVX512) {
      for (int at = 0; at < codes.recordBytes; at += Scratch.CACHE_LINE) {
        a.prefetch(Register.RSI, Products.DISTANCE + at, width.level());
      }
    }
    if (codes == Codes.Q6_K) {
      sumsOfScaled(a, x, w);
    } else {
      sums(a, x, w);
    }
    int scales = SCALES;
    int mins = MINS;
    if (codes.superblocks()) {
      scales = 6;
      mins = 7;
      codes.scales(a, scales, w, MASK);
    } else {
      a.widenHalves(SCALES, SCALES);
      if (codes.term == Codes.Term.MIN) {
        a.widenHalves(MINS, MINS);
      }
    }
    // what a block is scaled by lies at the record's beginning
    x.moveTo(0);
    if (codes.term == Codes.Term.OFFSET) {
      a.subtractInts(0, 0, x.register(), Width.AVX2.bytes());
    }
    a.floats(0, 0);
    a.multiply(scales, scales, x.register(), 0);
    a.multiplyAdd(SUM, 0, scales);
    if (codes.term == Codes.Term.MIN) {
      a.multiplyAdd(SUM, mins, x.register(), Width.AVX2.bytes());
    }
    x.moveTo(CodeProducts.recordBytes(codes));
    w.moveTo(codes.recordBytes);
  }

  /** The sums of eight blocks, in 0. */
  private void sums(Assembler a, Cursor x, Cursor w) {
    if (!codes.superblocks()) {
      a.zero(SCALES);
      a.zero(MINS);
    }
    // sums of two blocks in 0 and 1, of four in 2 and 3, of those in 4 and 5
    for (int block = 0; block < CodeProducts.RECORD; block++) {
      if (block >= blocks) {
        a.zero(block & 1);
      } else if (!codes.superblocks()) {
        a.insertShort(SCALES, w.register(), w.at(codes.header(block)), block);
        if (codes.term == Codes.Term.MIN) {
          a.insertShort(MINS, w.register(), w.at(codes.header(block) + 2), block);
        }
      }
      if (block < blocks && block % codes.group == 0) {
        multiply(a, x, w, block);
      }
      if ((block & 1) == 1) {
        addNeighbours(a, 2 + (block >> 1 & 1), 0, 1);
      }
      if ((block & 3) == 3) {
        addNeighbours(a, 4 + (block >> 2), 2, 3);
      }
    }
    addHalves(a, 0);
  }

  /** The sums of eight blocks, in 0, of which either half has a scale of its own. */
  private void sumsOfScaled(Assembler a, Cursor x, Cursor w) {
    int first = 11;
    int products = 6;
    for (int half = 0; half < 2; half++) {
      for (int group = 0; group < 2; group++) {
        codes.widen(a, products, w, group, half, MASK);
        for (int nth = 0; nth < 4; nth++) {
          int vector = group * codes.group * codes.vectors() + codes.vector(half, nth);
          a.multiplyPairs(products + nth, products + nth, x.register(), at(x, vector));
        }
        addNeighbours(a, 2, products, products + 1);
        addNeighbours(a, 3, products + 2, products + 3);
        addNeighbours(a, 4 + group, 2, 3);
      }
      addHalves(a, half == 0 ? first : 0);
    }
    // two scales at a time, one in either half of an int
    a.loadShortsAsInts(2, w.register(), w.at(Codes.SCALES));
    a.shiftIntsLeft(3, 2, 24);
    a.shiftSignedIntsRight(3, 3, 24);
    a.shiftSignedIntsRight(2, 2, 8);
    a.multiplyInts(first, first, 3);
    a.multiplyInts(0, 0, 2);
    a.addInts(0, 0, first);
  }

  /** Adds up what is left of the sums of eight blocks: four in either half of 4, and of 5. */
  private static void addHalves(Assembler a, int to) {
    a.lowerHalves(0, 4, 5);
    a.upperHalves(1, 4, 5);
    a.addInts(to, 0, 1);
  }

  /** Sums of two neighbours, in each half those of one vector before those of the other. */
  private static void addNeighbours(Assembler a, int to, int one, int other) {
    a.shuffle(FREE, one, other, 0b10_00_10_00);
    a.shuffle(to, one, other, 0b11_01_11_01);
    a.addInts(to, to, FREE);
  }

  /** The sums of a group of blocks, one or two, in 0 and 1: the first of them in its own. */
  private void multiply(Assembler a, Cursor x, Cursor w, int block) {
    boolean[] begun = new boolean[2];
    for (int step = 0; step < codes.steps(); step++) {
      int to = 6 + 2 * (step & 1);
      codes.widen(a, to, w, block / codes.group, step, MASK);
      for (int nth = 0; nth < codes.together(); nth++) {
        int vector = block * codes.vectors() + codes.vector(step, nth);
        int sum = vector / codes.vectors() & 1;
        a.multiplyPairs(begun[sum] ? to + nth : sum, to + nth, x.register(), at(x, vector));
        if (begun[sum]) {
          a.addInts(sum, sum, to + nth);
        }
        begun[sum] = true;
      }
    }
  }

  /** Where activations lie. */
  private static int at(Cursor x, int vector) {
    return x.at(CodeProducts.HEADER_BYTES + Width.AVX2.bytes() * vector);
  }
}
