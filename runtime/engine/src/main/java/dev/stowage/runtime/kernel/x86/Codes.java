package dev.stowage.runtime.kernel.x86;

/**
 * Quantized weights: blocks of a scale, for some a min, and integer codes, which are widened to 16
 * bits, sixteen at a time.
 */
enum Codes {
  INT8(64, 4, 68, Term.MIN),
  INT4(64, 4, 36, Term.MIN),
  Q8_0(32, 2, 34, Term.NONE),
  Q4_0(32, 2, 18, Term.OFFSET);

  /** What a block adds besides its scale times its codes. */
  enum Term {
    NONE,
    /** An F16 after the scale. */
    MIN,
    /** 8 is taken from each code. */
    OFFSET
  }

  /** Codes that one vector holds. */
  static final int VECTOR = 16;

  static final int OFFSET = 8;

  /** Numbers of a block. */
  final int numbers;

  /** Where its codes begin. */
  private final int codes;

  final int bytes;
  final Term term;

  Codes(int numbers, int codes, int bytes, Term term) {
    this.numbers = numbers;
    this.codes = codes;
    this.bytes = bytes;
    this.term = term;
  }

  /** Vectors of a block. */
  int vectors() {
    return numbers / VECTOR;
  }

  /** Loads the mask that {@link #widen} needs of 4-bit codes; RAX is lost. */
  void mask(Assembler a, int to) {
    if (halves()) {
      a.constant(to, 0x000F000F);
    }
  }

  private boolean halves() {
    return this == INT4 || this == Q4_0;
  }

  /** How many vectors {@link #widen} yields at a time. */
  int together() {
    return halves() ? 2 : 1;
  }

  /** Which vector of the block is the nth that comes at a time. */
  int vector(int step, int nth) {
    return step + nth * vectors() / 2;
  }

  /**
   * Widens codes as they are stored.
   *
   * @param to the first register of those that {@link #together} says
   * @param block where the block begins
   */
  void widen(Assembler a, int to, Cursor w, int block, int step, int mask) {
    int at = w.at(block + codes + VECTOR * step);
    switch (this) {
      case INT8 -> a.loadUnsignedBytes(to, w.register(), at);
      case Q8_0 -> a.loadSignedBytes(to, w.register(), at);
      case INT4, Q4_0 -> {
        a.loadUnsignedBytes(to + 1, w.register(), at);
        a.and(to, to + 1, mask);
        a.shiftShortsRight(to + 1, to + 1, 4);
      }
    }
  }
}
