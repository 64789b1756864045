package dev.stowage.runtime.kernel.x86;

/**
 * How few rows take the codes of a record: a vector of bytes at a time, which is a strip and
 * becomes some vectors of 16-bit codes. Moving codes costs most, so those of 4 and 6 bits stay
 * where they are: masks and shifts make 16-bit codes of them, and those of even and of odd bytes,
 * or of lower and upper halves of bytes, come in vectors of their own. Activations lie in that
 * order.
 *
 * <p>Such a strip joins units of bytes, so that each four of a vector of sums belongs to one block,
 * or to either half of one; units that are half a record, or a quarter, apart are joined, so that
 * sums come out in their order.
 */
record Strips(Width width, Codes codes) {
  /**
   * Vectors that a strip of packed codes becomes: of even and odd bytes, and either half of them.
   */
  private static final int PACKED = 4;

  /** Fours of a vector. */
  private int fours() {
    return width.lanes / 4;
  }

  /** Whether codes have fewer than 8 bits. */
  private boolean packed() {
    return codes != Codes.INT8 && codes != Codes.Q8_0;
  }

  /** Of a record. */
  int count() {
    return packed()
        ? CodeProducts.RECORD / codes.unitBlocks() * codes.unitFours() / fours()
        : CodeProducts.RECORD;
  }

  /** Vectors of 16-bit codes that a strip becomes. */
  int vectors() {
    return packed() ? PACKED : codes.numbers / (2 * width.lanes);
  }

  /**
   * Vectors of sums that a strip gives: two where lower and upper halves of bytes are of different
   * blocks.
   */
  int sums() {
    return codes.superblocks() ? 2 : 1;
  }

  /** Whether a vector of sums has those of either half of a block. */
  boolean halved() {
    return codes == Codes.Q6_K;
  }

  /** Where an activation lies among those of a record. */
  int position(int block, int number) {
    if (!packed()) {
      return block * codes.numbers + number;
    }
    int bytes = 16 * codes.unitFours();
    int of = codes.unit(block);
    int upper = codes.superblocks() ? codes.upper(block) : number / bytes;
    int at = number % bytes;
    int vector = of % count() * PACKED + 2 * upper + at % 2;
    int four = of / count() * codes.unitFours() + at / 16;
    return (vector * fours() + four) * 8 + at % 16 / 2;
  }

  /**
   * Loads constants that {@link #widen} needs, to this register and some before it; RAX is lost.
   */
  void constants(Assembler a, int last) {
    if (codes == Codes.Q6_K) {
      a.constant(last, 0x0F0F0F0F);
      a.constant(last - 1, 0x30303030);
      a.constant(last - 2, 0x00200020);
      a.constant(last - 3, 0x00FF00FF);
    } else if (packed()) {
      a.constant(last, 0x000F000F);
    }
  }

  /**
   * Widens a strip.
   *
   * @param to the first register; two more than {@link #vectors} are lost for Q6_K
   * @param blocks of the record
   * @param constants where the last of them is
   */
  void widen(Assembler a, int to, Cursor w, int strip, int blocks, int constants) {
    switch (codes) {
      case INT8, Q8_0 -> {
        for (int vector = 0; vector < vectors(); vector++) {
          int at = w.at(codes.codes(strip) + 2 * width.lanes * vector);
          if (codes == Codes.INT8) {
            a.loadUnsignedBytes(to + vector, w.register(), at);
          } else {
            a.loadSignedBytes(to + vector, w.register(), at);
          }
        }
      }
      case INT4, Q4_0, Q4_K -> {
        load(a, to + 3, w, strip, blocks);
        a.and(to, to + 3, constants);
        a.shiftShortsRight(to + 1, to + 3, 8);
        a.and(to + 1, to + 1, constants);
        a.shiftShortsRight(to + 2, to + 3, 4);
        a.and(to + 2, to + 2, constants);
        a.shiftShortsRight(to + 3, to + 3, 12);
      }
      case Q6_K -> {
        int upper = to + 4;
        int bits = to + 5;
        load(a, to + 2, w, strip, blocks);
        a.eight().load(upper, w.register(), w.at(codes.upperBits(strip)));
        if (fours() == 4) {
          a.joinEights(upper, upper, w.register(), w.at(codes.upperBits(strip + count())));
        }
        if (strip % 2 == 1) {
          a.shiftShortsRight(upper, upper, 2);
        }
        a.and(to, to + 2, constants);
        a.shiftShortsLeft(bits, upper, 4);
        a.and(bits, bits, constants - 1);
        a.or(to, to, bits);
        a.shiftShortsRight(to + 2, to + 2, 4);
        a.and(to + 2, to + 2, constants);
        a.and(bits, upper, constants - 1);
        a.or(to + 2, to + 2, bits);
        for (int even = to; even < to + 4; even += 2) {
          a.shiftShortsRight(even + 1, even, 8);
          a.subtractShorts(even + 1, even + 1, constants - 2);
          a.and(even, even, constants - 3);
          a.subtractShorts(even, even, constants - 2);
        }
      }
    }
  }

  /** Joins units; zeros are in place of those that there are not. */
  private void load(Assembler a, int to, Cursor w, int strip, int blocks) {
    int units = fours() / codes.unitFours();
    for (int i = 0; i < units && strip + i * count() < blocks; i++) {
      int at = w.at(codes.codes(strip + i * count()));
      if (codes.unitFours() == 1) {
        if (i == 0) {
          a.loadFour(to, w.register(), at);
        } else {
          a.insertFour(to, w.register(), at, i);
        }
      } else if (i == 0) {
        a.eight().load(to, w.register(), at);
      } else {
        a.joinEights(to, to, w.register(), at);
      }
    }
  }
}
