package dev.stowage.runtime.kernel.x86;

/**
 * Quantized weights: blocks of integer codes, each with a scale and some with a min, which are
 * widened to 16 bits. Eight blocks are a record. Where headers of blocks lie together, a record is
 * what GGUF files call a superblock; the scales of Q6_K, of sixteen numbers each, become part of
 * its codes.
 */
enum Codes {
  INT8(64, 1, 4, 68, 8 * 68, Term.MIN),
  INT4(64, 1, 4, 36, 8 * 36, Term.MIN),
  Q8_0(32, 1, 2, 34, 8 * 34, Term.NONE),
  Q4_0(32, 1, 2, 18, 8 * 18, Term.OFFSET),
  Q4_K(32, 2, 16, 32, 144, Term.MIN),
  Q6_K(32, 4, 0, 32, 210, Term.NONE);

  /** What a block adds besides its scale times its codes. */
  enum Term {
    NONE,
    /** An F16 after the scale, or a superblock's min times a block's. */
    MIN,
    /** 8 is taken from each code. */
    OFFSET
  }

  /** Codes that are widened to a vector in their order. */
  static final int VECTOR = 16;

  static final int OFFSET = 8;

  /** Where Q6_K has the upper bits of its codes, its scales, and the scale of those. */
  private static final int UPPER_BITS = 128;

  static final int SCALES = 192;
  private static final int SCALE = 208;

  /** Numbers of a block. */
  final int numbers;

  /** Blocks whose codes lie in the same bytes. */
  final int group;

  /** Where codes begin. */
  private final int codes;

  /** Bytes from the codes of a unit to those of the next. */
  private final int unitBytes;

  /** Bytes of a record. */
  final int recordBytes;

  final Term term;

  Codes(int numbers, int group, int codes, int unitBytes, int recordBytes, Term term) {
    this.numbers = numbers;
    this.group = group;
    this.codes = codes;
    this.unitBytes = unitBytes;
    this.recordBytes = recordBytes;
    this.term = term;
  }

  /** Whether blocks come by whole records only, whose scales lie together. */
  boolean superblocks() {
    return this == Q4_K || this == Q6_K;
  }

  /** Where the header of a block lies, of those that have one each. */
  int header(int block) {
    return block * unitBytes;
  }

  /**
   * Bits of rounded activations besides their sign. A code of Q6_K times its scale is at most 2^12,
   * and 32 products with less than 2^14 are an int.
   */
  int bits() {
    return this == Q6_K ? 14 : 15;
  }

  /** Where the codes of a unit lie. */
  int codes(int unit) {
    return codes + unit * unitBytes;
  }

  /** Where the upper bits lie of a unit of Q6_K: of two units each, two bits after two bits. */
  int upperBits(int unit) {
    return UPPER_BITS + unit / 2 * unitBytes;
  }

  /**
   * Fours of bytes of a unit: what lies together of the codes of a block, or of two blocks that are
   * in the lower and upper halves of the same bytes.
   */
  int unitFours() {
    return this == Q4_0 ? 1 : 2;
  }

  /** Blocks of a unit. */
  int unitBlocks() {
    return superblocks() ? 2 : 1;
  }

  /** Which unit a block belongs to. */
  int unit(int block) {
    return switch (this) {
      case INT8, INT4, Q8_0, Q4_0 -> block;
      case Q4_K -> block / 2;
      case Q6_K -> block / 4 * 2 + block % 2;
    };
  }

  /** Whether, of a unit of two blocks, this is in the upper halves of bytes: 1 or 0. */
  int upper(int block) {
    return this == Q4_K ? block % 2 : block / 2 % 2;
  }

  /**
   * Loads the constants that {@link #widen} needs of codes of few bits, which are in this register
   * and the two before it; RAX is lost.
   */
  void constants(Assembler a, int mask) {
    if (together() > 1) {
      a.constant(mask, 0x000F000F);
    }
    if (this == Q6_K) {
      a.constant(mask - 1, 0x00300030);
      a.constant(mask - 2, 0x00200020);
    }
  }

  /** How many vectors of {@value #VECTOR} codes {@link #widen} yields at a time. */
  int together() {
    return switch (this) {
      case INT8, Q8_0 -> 1;
      case INT4, Q4_0, Q4_K -> 2;
      case Q6_K -> 4;
    };
  }

  /** How often {@link #widen} yields vectors of a group of blocks. */
  int steps() {
    return group * numbers / VECTOR / together();
  }

  /** Which vector of its group is the nth that comes at a time. */
  int vector(int step, int nth) {
    return step + nth * steps();
  }

  /**
   * Widens codes in their order; those of Q6_K become what their scales are multiplied by.
   *
   * @param to the first register of those that {@link #together} says; Q6_K loses two more
   * @param mask where {@link #constants} are
   */
  void widen(Assembler a, int to, Cursor w, int group, int step, int mask) {
    int first = codes(group * this.group / unitBlocks()) + VECTOR * step;
    switch (this) {
      case INT8 -> a.loadUnsignedBytes(to, w.register(), w.at(first));
      case Q8_0 -> a.loadSignedBytes(to, w.register(), w.at(first));
      case INT4, Q4_0, Q4_K -> {
        a.loadUnsignedBytes(to + 1, w.register(), w.at(first));
        a.and(to, to + 1, mask);
        a.shiftShortsRight(to + 1, to + 1, 4);
      }
      case Q6_K -> {
        int upper = to + 4;
        int bits = to + 5;
        a.loadUnsignedBytes(to + 2, w.register(), w.at(first));
        a.loadUnsignedBytes(to + 3, w.register(), w.at(first + unitBytes));
        a.loadUnsignedBytes(upper, w.register(), w.at(upperBits(2 * group) + VECTOR * step));
        for (int nth = 0; nth < 2; nth++) {
          a.and(to + nth, to + 2 + nth, mask);
          a.shiftShortsRight(to + 2 + nth, to + 2 + nth, 4);
        }
        for (int nth = 0; nth < 4; nth++) {
          switch (nth) {
            case 0 -> a.shiftShortsLeft(bits, upper, 4);
            case 1 -> a.shiftShortsLeft(bits, upper, 2);
            case 3 -> a.shiftShortsRight(bits, upper, 2);
            default -> {}
          }
          a.and(bits, nth == 2 ? upper : bits, mask - 1);
          a.or(to + nth, to + nth, bits);
          a.subtractShorts(to + nth, to + nth, mask - 2);
        }
      }
    }
  }

  /**
   * The scales of a record's blocks as floats, and in the next register what is added for each, if
   * any; of superblocks two registers more are lost.
   */
  void scales(Assembler a, int to, Cursor w, int blocks) {
    int mins = to + 1;
    if (!superblocks()) {
      headers(a, to, w, blocks, 0);
      if (term == Term.MIN) {
        headers(a, mins, w, blocks, Short.BYTES);
      }
      return;
    }
    if (this == Q6_K) {
      a.broadcastShort(to, w.register(), w.at(SCALE));
      a.widenHalves(to, to);
      return;
    }
    // of twelve bytes, the first four hold scales 0..3 and the next four mins 0..3 in their low six
    // bits; the last four hold the low halves of scales and mins 4..7, whose upper bits are there
    int low = to + 2;
    int free = to + 3;
    a.loadBytesAsInts(to, w.register(), w.at(4));
    a.loadBytesAsInts(low, w.register(), w.at(12));
    a.shiftIntsRight(mins, to, 6);
    a.shiftIntsLeft(mins, mins, 4);
    a.shiftIntsLeft(to, to, 26);
    a.shiftIntsRight(to, to, 26);
    a.shiftIntsRight(free, low, 4);
    a.shiftIntsLeft(low, low, 28);
    a.shiftIntsRight(low, low, 28);
    a.lowerHalves(low, low, free);
    a.or(low, low, mins);
    a.upperHalves(mins, to, low);
    a.lowerHalves(to, to, low);
    a.zero(low);
    a.subtractInts(mins, low, mins);
    a.floats(to, to);
    a.floats(mins, mins);
    a.broadcast(low, w.register(), w.at(0)); // both F16 numbers
    a.widenHalves(low, low);
    a.shuffle(free, low, 0b10_10_00_00);
    a.multiply(to, to, free);
    a.shuffle(free, low, 0b11_11_01_01);
    a.multiply(mins, mins, free);
  }

  /** F16 numbers of each block's header. */
  private void headers(Assembler a, int to, Cursor w, int blocks, int at) {
    a.zero(to);
    for (int block = 0; block < blocks; block++) {
      a.insertShort(to, w.register(), w.at(header(block) + at), block);
    }
    a.widenHalves(to, to);
  }
}
