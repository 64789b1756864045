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
    codes.mask(a, MASK);
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
      for (int at = 0; at < CodeProducts.RECORD * codes.bytes; at += Scratch.CACHE_LINE) {
        a.prefetch(Register.RSI, Products.DISTANCE + at, width.level());
      }
    }
    a.zero(SCALES);
    a.zero(MINS);
    // sums of two blocks in 0 and 1, of four in 2 and 3, of those in 4 and 5
    for (int block = 0; block < CodeProducts.RECORD; block++) {
      int to = block & 1;
      if (block < blocks) {
        int begin = block * codes.bytes;
        a.insertShort(SCALES, w.register(), w.at(begin), block);
        if (codes.term == Codes.Term.MIN) {
          a.insertShort(MINS, w.register(), w.at(begin + 2), block);
        }
        multiply(a, x, w, block, to);
      } else {
        a.zero(to);
      }
      if ((block & 1) == 1) {
        addNeighbours(a, 2 + (block >> 1 & 1), 0, 1);
      }
      if ((block & 3) == 3) {
        addNeighbours(a, 4 + (block >> 2), 2, 3);
      }
    }
    a.lowerHalves(0, 4, 5);
    a.upperHalves(1, 4, 5);
    a.addInts(0, 0, 1);
    // what a block is scaled by lies at the record's beginning
    x.moveTo(0);
    if (codes.term == Codes.Term.OFFSET) {
      a.subtractInts(0, 0, x.register(), Width.AVX2.bytes());
    }
    a.floats(0, 0);
    a.widenHalves(SCALES, SCALES);
    a.multiply(SCALES, SCALES, x.register(), 0);
    a.multiplyAdd(SUM, 0, SCALES);
    if (codes.term == Codes.Term.MIN) {
      a.widenHalves(MINS, MINS);
      a.multiplyAdd(SUM, MINS, x.register(), Width.AVX2.bytes());
    }
    x.moveTo(CodeProducts.recordBytes(codes));
    w.moveTo(CodeProducts.RECORD * codes.bytes);
  }

  /** Sums of two neighbours, in each half those of one vector before those of the other. */
  private static void addNeighbours(Assembler a, int to, int one, int other) {
    a.shuffle(FREE, one, other, 0b10_00_10_00);
    a.shuffle(to, one, other, 0b11_01_11_01);
    a.addInts(to, to, FREE);
  }

  private void multiply(Assembler a, Cursor x, Cursor w, int block, int sum) {
    int first = CodeProducts.HEADER_BYTES + block * codes.numbers * Short.BYTES;
    boolean begun = false;
    for (int step = 0; step < codes.vectors() / codes.together(); step++) {
      int to = 6 + 2 * (step & 1);
      codes.widen(a, to, w, block * codes.bytes, step, MASK);
      for (int nth = 0; nth < codes.together(); nth++) {
        int at = x.at(first + Width.AVX2.bytes() * codes.vector(step, nth));
        a.multiplyPairs(begun ? to + nth : sum, to + nth, x.register(), at);
        if (begun) {
          a.addInts(sum, sum, to + nth);
        }
        begun = true;
      }
    }
  }
}
