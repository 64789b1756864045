package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that multiplies some rows of rounded activations by quantized weight rows where they
 * lie, which are widened once for all of them. The products of a block are summed as integers, so
 * in no order; eight blocks at a time are then scaled, one in each lane of the sum.
 *
 * <pre>
 *   RDI   the records of the first row ({@link CodeProducts})
 *   RSI   the first weight row
 *   RDX   bytes from a weight row to the next
 *   RCX   records
 *   R8    sums {@code [rows, {@link CodeProducts#panelRows}, 8]}, added to
 *   R9    weight rows; from bit 32 on, bytes from the records of a row to those of the next
 * </pre>
 *
 * @param blocks of each record; fewer than {@value CodeProducts#RECORD} at the end of a row
 */
record CodeRows(Strips strips, int blocks, int rows) {
  /** Registers of sums that are about to be added to others, which one more is lost for. */
  private static final int EVEN = 0;

  private static final int ODD = 1;
  private static final int FREE = 2;

  /** The first of codes as 16-bit numbers; of what blocks are scaled by, once those are done. */
  private static final int WIDENED = 4;

  /** An order of four. */
  private static final int SWAP_MIDDLE = 0b11_01_10_00;

  /** Where activations of each row are. */
  private static final Register[] X = {Register.RDI, Register.R10, Register.R14, Register.R15};

  /** Rows whose sums registers hold. */
  static int mostRows(Width width, Codes codes) {
    return width == Width.AVX512 ? X.length : codes == Codes.Q6_K ? 1 : 2;
  }

  byte[] code() {
    var a = new Assembler(strips.width());
    var saved = new Register[] {Register.RBX, Register.RBP, Register.R14, Register.R15};
    a.push(saved);
    strips.constants(a, constants());
    a.move(Register.RAX, Register.R9);
    a.shiftRight(Register.RAX, 32);
    a.moveLow(Register.R9, Register.R9);
    a.move(Register.RBX, Register.RDI);
    a.move(Register.RBP, Register.RSI);
    a.move(Register.R11, Register.RCX);
    int nextWeights = a.here();
    for (int row = 1; row < rows; row++) {
      a.sum(X[row], X[row - 1], Register.RAX);
    }
    int nextRecord = a.here();
    record(a);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextRecord);
    a.add(Register.R8, Width.AVX2.bytes());
    a.add(Register.RBP, Register.RDX);
    a.move(Register.RSI, Register.RBP);
    a.move(Register.RDI, Register.RBX);
    a.move(Register.RCX, Register.R11);
    a.subtract(Register.R9, 1);
    a.jumpIfNotZero(nextWeights);
    a.pop(saved);
    a.leave();
    return a.code();
  }

  private Codes codes() {
    return strips.codes();
  }

  private boolean wide() {
    return strips.width() == Width.AVX512;
  }

  /** Where the last of constants is. */
  private int constants() {
    return wide() ? 19 : codes() == Codes.Q6_K ? 15 : 3;
  }

  /**
   * Vectors of sums, of two added and of four, which wait for the next to be added to. The first is
   * not used where two come together.
   */
  private int waiting(int level, int row) {
    if (wide()) {
      return 20 + X.length * level + row;
    }
    return codes() == Codes.Q6_K ? 9 + level : 8 + 2 * level + row;
  }

  private void record(Assembler a) {
    var x = new Cursor[rows];
    for (int row = 0; row < rows; row++) {
      x[row] = new Cursor(a, X[row]);
    }
    var w = new Cursor(a, Register.RSI);
    if (wide()) {
      for (int at = 0; at < codes().recordBytes; at += Scratch.CACHE_LINE) {
        a.prefetch(Register.RSI, Products.DISTANCE + at, Width.AVX512.level());
      }
    }
    for (int strip = 0; strip < strips.count(); strip++) {
      if (strip < blocks) {
        strips.widen(a, WIDENED, w, strip, blocks, constants());
      }
      for (int row = 0; row < rows; row++) {
        multiply(a, strip, row, x[row]);
      }
    }
    var eight = a.eight();
    int scales = scales(eight, w);
    for (int row = 0; row < rows; row++) {
      fold(a, row);
      scale(eight, row, x[row], scales);
      x[row].moveTo(CodeProducts.recordBytes(codes()));
    }
    w.moveTo(codes().recordBytes);
  }

  /**
   * The vectors of sums of a strip: added to those before, those of the first four, or of all, wait
   * on the last level, those of other four on the one before it.
   */
  private void multiply(Assembler a, int strip, int row, Cursor x) {
    int each = strips.vectors() / strips.sums();
    for (int i = 0; i < strips.sums(); i++) {
      int sum = strip * strips.sums() + i;
      int even = strips.sums() == 2 ? EVEN : waiting(0, row);
      int to = (sum & 1) == 1 ? ODD : even;
      if (strip >= blocks) {
        a.zero(to);
      }
      for (int nth = i * each; nth < (i + 1) * each && strip < blocks; nth++) {
        int vector = strip * strips.vectors() + nth;
        int at = x.at(CodeProducts.HEADER_BYTES + strips.width().bytes() * vector);
        if (nth == i * each) {
          a.multiplyPairs(to, WIDENED + nth, x.register(), at);
        } else if (wide()) {
          a.addPairs(to, WIDENED + nth, x.register(), at);
        } else {
          a.multiplyPairs(FREE, WIDENED + nth, x.register(), at);
          a.addInts(to, to, FREE);
        }
      }
      if ((sum & 1) == 1) {
        addNeighbours(a, (sum & 2) == 0 ? waiting(1, row) : ODD, even, ODD);
      }
      if ((sum & 3) == 3) {
        addNeighbours(a, waiting(sum == 3 ? 2 : 1, row), waiting(1, row), ODD);
      }
    }
  }

  /** Sums of two neighbours, in each four those of one vector before those of the other. */
  private static void addNeighbours(Assembler a, int to, int one, int other) {
    a.shuffle(FREE, one, other, 0b10_00_10_00);
    a.shuffle(to, one, other, 0b11_01_11_01);
    a.addInts(to, to, FREE);
  }

  /**
   * What blocks are scaled by, and the mins behind it; integer scales of Q6_K, of either half of a
   * block, where codes were.
   *
   * @return the register
   */
  private int scales(Assembler eight, Cursor w) {
    if (!strips.halved()) {
      codes().scales(eight, WIDENED, w, blocks);
      return WIDENED;
    }
    // two scales at a time, one in either half of an int, of blocks in the order of sums
    eight.loadShortsAsInts(WIDENED + 1, w.register(), w.at(Codes.SCALES));
    eight.shuffle(WIDENED + 1, WIDENED + 1, SWAP_MIDDLE);
    eight.shiftIntsLeft(WIDENED, WIDENED + 1, 24);
    eight.shiftSignedIntsRight(WIDENED, WIDENED, 24);
    eight.shiftSignedIntsRight(WIDENED + 1, WIDENED + 1, 8);
    codes().scales(eight, WIDENED + 2, w, blocks);
    return WIDENED + 2;
  }

  /** The sums of eight blocks, in the first register. */
  private void fold(Assembler a, int row) {
    var eight = a.eight();
    int last = waiting(2, row);
    int other = waiting(1, row);
    switch (strips.count() * strips.sums()) {
      case 2 -> { // blocks 0, 1, 4 and 5 beside 2, 3, 6 and 7 come from one addition
        a.shuffleFours(EVEN, other, other, 0b10_11_00_01);
        addNeighbours(a, EVEN, other, EVEN);
        a.shuffleFours(EVEN, EVEN, EVEN, SWAP_MIDDLE);
        return;
      }
      case 4 -> {
        if (!wide()) { // each four belongs to one block
          eight.or(EVEN, last, last);
          return;
        }
        a.shuffleFours(EVEN, last, last, SWAP_MIDDLE);
        a.upperEight(FREE, EVEN);
      }
      default -> {
        if (wide()) {
          a.shuffleFours(EVEN, last, other, 0b10_00_10_00);
          a.shuffleFours(ODD, last, other, 0b11_01_11_01);
          a.addInts(EVEN, EVEN, ODD);
          a.upperEight(ODD, EVEN);
          eight.upperHalves(FREE, EVEN, ODD);
          eight.lowerHalves(EVEN, EVEN, ODD);
        } else {
          eight.lowerHalves(EVEN, last, other);
          eight.upperHalves(FREE, last, other);
        }
      }
    }
    if (strips.halved()) {
      eight.multiplyInts(EVEN, EVEN, WIDENED);
      eight.multiplyInts(FREE, FREE, WIDENED + 1);
    }
    eight.addInts(EVEN, EVEN, FREE);
    if (strips.halved()) {
      eight.shuffle(EVEN, EVEN, SWAP_MIDDLE);
    }
  }

  /** Scales the sums of a row's blocks, and adds them to those before. */
  private void scale(Assembler eight, int row, Cursor x, int scales) {
    int sums = Width.AVX2.bytes() * CodeProducts.panelRows(strips.width()) * row;
    x.moveTo(0); // what a block is scaled by lies at the record's beginning
    if (codes().term == Codes.Term.OFFSET) {
      eight.subtractInts(EVEN, EVEN, x.register(), Width.AVX2.bytes());
    }
    eight.floats(EVEN, EVEN);
    eight.multiply(ODD, scales, x.register(), 0);
    eight.load(FREE, Register.R8, sums);
    eight.multiplyAdd(FREE, EVEN, ODD);
    if (codes().term == Codes.Term.MIN) {
      eight.multiplyAdd(FREE, scales + 1, x.register(), Width.AVX2.bytes());
    }
    eight.store(FREE, Register.R8, sums);
  }
}
