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
record CodeRows(Width width, Codes codes, int blocks, int rows) {
  /** Registers of sums that are about to be added to others, which one more is lost for. */
  private static final int EVEN = 0;

  private static final int ODD = 1;
  private static final int FREE = 2;

  /** The first of codes as 16-bit numbers; of what blocks are scaled by, once those are done. */
  private static final int WIDENED = 4;

  /** Of blocks that have headers of their own. */
  private static final int SCALES = 10;

  private static final int MINS = 11;

  /** Where activations of each row are. */
  private static final Register[] X = {Register.RDI, Register.R10, Register.R14, Register.R15};

  /** Rows whose sums registers hold. */
  static int mostRows(Width width, Codes codes) {
    return width == Width.AVX512 ? X.length : codes == Codes.Q6_K ? 1 : 2;
  }

  byte[] code() {
    var a = new Assembler(width);
    var saved = new Register[] {Register.RBX, Register.RBP, Register.R14, Register.R15};
    a.push(saved);
    codes.constants(a, mask());
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

  private boolean wide() {
    return width == Width.AVX512;
  }

  /** Codes that a vector holds. */
  private int vector() {
    return 2 * width.lanes;
  }

  /** Vectors of a block. */
  private int vectors() {
    return codes.numbers / vector();
  }

  /** Whether a vector holds the codes of one scale only, and a block two. */
  private boolean halved() {
    return codes == Codes.Q6_K && !wide();
  }

  /** Where constants are. */
  private int mask() {
    return wide() ? 18 : halved() ? 14 : 3;
  }

  /**
   * Sums of one block, of two and of four, which wait for the next to be added to. The first is not
   * used where the codes of two blocks come together.
   */
  private int waiting(int level, int row) {
    return wide()
        ? 20 + 4 * level + row
        : halved() ? 9 + level : (level == 0 ? 8 : 10 + 2 * level) + row;
  }

  private void record(Assembler a) {
    var x = new Cursor[rows];
    for (int row = 0; row < rows; row++) {
      x[row] = new Cursor(a, X[row]);
    }
    var w = new Cursor(a, Register.RSI);
    if (wide()) {
      for (int at = 0; at < codes.recordBytes; at += Scratch.CACHE_LINE) {
        a.prefetch(Register.RSI, Products.DISTANCE + at, width.level());
      }
    }
    int even = FREE;
    if (halved()) {
      even = 3;
      sums(a, x, w, 0, 1);
      a.lowerHalves(EVEN, waiting(2, 0), waiting(1, 0));
      a.upperHalves(ODD, waiting(2, 0), waiting(1, 0));
      a.addInts(even, EVEN, ODD);
      sums(a, x, w, 1, 2);
    } else {
      sums(a, x, w, 0, codes.steps(vector()));
    }
    var eight = a.eight();
    int scales = scales(eight, w);
    for (int row = 0; row < rows; row++) {
      halves(a, row);
      if (codes == Codes.Q6_K) {
        eight.multiplyInts(even, even, WIDENED);
        eight.multiplyInts(ODD, ODD, WIDENED + 1);
      }
      eight.addInts(EVEN, even, ODD);
      scale(eight, row, x[row], scales);
      x[row].moveTo(CodeProducts.recordBytes(codes));
    }
    w.moveTo(codes.recordBytes);
  }

  /**
   * The sums of blocks, of codes that come in some steps: those of the first four wait on the last
   * level, those of the others on the one before it.
   */
  private void sums(Assembler a, Cursor[] x, Cursor w, int firstStep, int lastStep) {
    if (!codes.superblocks()) {
      a.eight().zero(SCALES);
      a.eight().zero(MINS);
    }
    for (int first = 0; first < CodeProducts.RECORD; first += codes.group) {
      if (first < blocks) {
        if (!codes.superblocks()) {
          a.insertShort(SCALES, w.register(), w.at(codes.header(first)), first);
          if (codes.term == Codes.Term.MIN) {
            a.insertShort(MINS, w.register(), w.at(codes.header(first) + 2), first);
          }
        }
        for (int step = firstStep; step < lastStep; step++) {
          int to = WIDENED + (step - firstStep) * codes.together(vector());
          codes.widen(a, to, w, first / codes.group, step, mask());
        }
      }
      for (int row = 0; row < rows; row++) {
        for (int block = first; block < first + codes.group; block++) {
          int to = (block & 1) == 1 ? ODD : codes.group > 1 ? EVEN : waiting(0, row);
          if (block < blocks) {
            multiply(a, to, x[row], block, firstStep, lastStep);
          } else {
            a.zero(to);
          }
          if ((block & 1) == 1) {
            int neighbour = codes.group > 1 ? EVEN : waiting(0, row);
            addNeighbours(a, (block & 2) == 0 ? waiting(1, row) : ODD, neighbour, ODD);
          }
          if ((block & 3) == 3) {
            addNeighbours(a, waiting(block == 3 ? 2 : 1, row), waiting(1, row), ODD);
          }
        }
      }
    }
  }

  /** Sums of a block's products, of two at least each. */
  private void multiply(Assembler a, int to, Cursor x, int block, int firstStep, int lastStep) {
    boolean begun = false;
    for (int step = firstStep; step < lastStep; step++) {
      for (int nth = 0; nth < codes.together(vector()); nth++) {
        int vector =
            block / codes.group * codes.group * vectors() + codes.vector(vector(), step, nth);
        if (vector / vectors() == block) {
          int at = x.at(CodeProducts.HEADER_BYTES + width.bytes() * vector);
          int with = WIDENED + (step - firstStep) * codes.together(vector()) + nth;
          if (!begun) {
            a.multiplyPairs(to, with, x.register(), at);
          } else if (wide()) {
            a.addPairs(to, with, x.register(), at);
          } else {
            a.multiplyPairs(FREE, with, x.register(), at);
            a.addInts(to, to, FREE);
          }
          begun = true;
        }
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
    if (!codes.superblocks()) {
      eight.widenHalves(SCALES, SCALES);
      if (codes.term == Codes.Term.MIN) {
        eight.widenHalves(MINS, MINS);
      }
      return SCALES;
    }
    if (codes != Codes.Q6_K) {
      codes.scales(eight, WIDENED, w);
      return WIDENED;
    }
    // two scales at a time, one in either half of an int
    eight.loadShortsAsInts(WIDENED + 1, w.register(), w.at(Codes.SCALES));
    eight.shiftIntsLeft(WIDENED, WIDENED + 1, 24);
    eight.shiftSignedIntsRight(WIDENED, WIDENED, 24);
    eight.shiftSignedIntsRight(WIDENED + 1, WIDENED + 1, 8);
    codes.scales(eight, WIDENED + 2, w);
    return WIDENED + 2;
  }

  /**
   * Adds up what is left of the sums of eight blocks, but for two of each: those of a block's first
   * half and of its second where that is a matter.
   */
  private void halves(Assembler a, int row) {
    int four = waiting(2, row);
    int others = waiting(1, row);
    if (wide()) {
      a.shuffleFours(EVEN, four, others, 0b10_00_10_00);
      a.shuffleFours(ODD, four, others, 0b11_01_11_01);
      a.addInts(EVEN, EVEN, ODD);
      a.upperEight(ODD, EVEN);
      a.lowerHalves(FREE, EVEN, ODD);
      a.upperHalves(ODD, EVEN, ODD);
    } else if (halved()) {
      a.lowerHalves(EVEN, four, others);
      a.upperHalves(ODD, four, others);
      a.addInts(ODD, EVEN, ODD);
    } else {
      a.lowerHalves(FREE, four, others);
      a.upperHalves(ODD, four, others);
    }
  }

  /** Scales the sums of a row's blocks, and adds them to those before. */
  private void scale(Assembler eight, int row, Cursor x, int scales) {
    int sums = Width.AVX2.bytes() * CodeProducts.panelRows(width) * row;
    x.moveTo(0); // what a block is scaled by lies at the record's beginning
    if (codes.term == Codes.Term.OFFSET) {
      eight.subtractInts(EVEN, EVEN, x.register(), Width.AVX2.bytes());
    }
    eight.floats(EVEN, EVEN);
    eight.multiply(ODD, scales, x.register(), 0);
    eight.load(FREE, Register.R8, sums);
    eight.multiplyAdd(FREE, EVEN, ODD);
    if (codes.term == Codes.Term.MIN) {
      eight.multiplyAdd(FREE, scales + 1, x.register(), Width.AVX2.bytes());
    }
    eight.store(FREE, Register.R8, sums);
  }
}
