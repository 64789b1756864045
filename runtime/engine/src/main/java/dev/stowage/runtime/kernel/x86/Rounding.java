package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * Machine code that rounds activations to 16 bits, or 15 for Q6_K ({@link Codes#bits}): those of a
 * block share a power of two, the largest for which none exceeds 32767, or 16383, so that dyadic
 * numbers stay exact. Rounding is to nearest, ties to even. A block that holds Inf or NaN gets the
 * scale NaN.
 *
 * <pre>
 *   RDI   floats of one row
 *   RSI   where its codes go
 *   RDX   bytes from two codes, or a scale, to the next of the row
 *   RCX   blocks
 *   R8    where scales go
 *   R9    where the blocks' sums go: floats for {@link Codes.Term#MIN}, else 8 times the codes' sum
 * </pre>
 */
final class Rounding {
  private static final int EXPONENT = 23; // bits of a float below it
  private static final int EXPONENT_MASK = 0xFF << EXPONENT;

  private Rounding() {}

  /** Codes go two by two. */
  static byte[] code(Codes codes) {
    return code(codes, null);
  }

  /** Those of one block go where strips need them, of which RSI is the first. */
  static byte[] code(Strips strips) {
    return code(strips.codes(), strips);
  }

  private static byte[] code(Codes codes, Strips strips) {
    boolean few = strips != null;
    var a = new Assembler(Width.AVX2);
    int power = codes.bits() - 1; // of two, of the scale of numbers in [1, 2)
    int mask = 15; // of all bits but the sign, later of the exponent
    int ones = 14;
    int least = 13;
    int inverse = 12; // what its exponent is taken from
    int shift = 11;
    int exponents = 10;
    a.constant(mask, Integer.MAX_VALUE);
    a.constant(ones, 0x00010001);
    int limit = 8;
    a.constant(least, power + 1 << EXPONENT);
    a.constant(inverse, 2 * 127 + power << EXPONENT);
    a.constant(shift, power << EXPONENT);
    a.constant(exponents, EXPONENT_MASK);
    int greatest = (1 << codes.bits()) - 1;
    a.constant(limit, greatest << 16 | greatest);
    int nextBlock = a.here();
    greatest(a, codes.numbers / 8, mask);
    // 0 is the greatest in all places; 1 its exponent, 2 the scale, 3 what numbers are multiplied
    // by
    a.and(1, 0, exponents);
    a.equalInts(4, 1, exponents);
    a.greaterInts(1, 1, least);
    a.subtractInts(2, 1, shift);
    a.or(2, 2, 4);
    a.subtractInts(3, inverse, 1);
    a.storeFirst(2, Register.R8, 0);
    a.zero(9);
    var x = new Cursor(a, Register.RDI);
    for (int v = 0; v < codes.numbers / Codes.VECTOR; v++) {
      a.multiply(4, 3, x.register(), x.at(64 * v));
      a.multiply(5, 3, x.register(), x.at(64 * v + 32));
      a.ints(4, 4);
      a.ints(5, 5);
      a.lowerHalves(6, 4, 5);
      a.upperHalves(7, 4, 5);
      a.shorts(4, 6, 7);
      if (greatest < Short.MAX_VALUE) {
        a.lesserShorts(4, 4, limit);
      }
      a.multiplyPairs(5, 4, ones);
      a.addInts(9, 9, 5);
      a.upperHalf(5, 4);
      for (int i = 0; i < Codes.VECTOR && few; i++) {
        int at = Short.BYTES * strips.position(0, Codes.VECTOR * v + i);
        a.storeShort(4 + i / 8, i % 8, Register.RSI, at);
      }
      for (int pair = 0; pair < Codes.VECTOR / 2 && !few; pair++) {
        a.storeInt(4 + pair / 4, pair % 4, Register.RSI, 0);
        a.add(Register.RSI, Register.RDX);
      }
    }
    x.moveTo(4 * codes.numbers);
    switch (codes.term) {
      case NONE -> {}
      case MIN -> {
        fold(a, 9);
        a.floats(9, 9);
        a.multiply(9, 9, 2);
        a.storeFirst(9, Register.R9, 0);
      }
      case OFFSET -> {
        fold(a, 9);
        a.shiftIntsLeft(9, 9, 3);
        a.storeFirst(9, Register.R9, 0);
      }
    }
    a.add(Register.R8, Register.RDX);
    a.add(Register.R9, Register.RDX);
    a.subtract(Register.RCX, 1);
    a.jumpIfNotZero(nextBlock);
    a.leave();
    return a.code();
  }

  /** The greatest magnitude of some vectors, in all places of register 0. */
  private static void greatest(Assembler a, int vectors, int mask) {
    var x = new Cursor(a, Register.RDI);
    for (int v = 0; v < vectors; v++) {
      int to = v < 2 ? v : 2;
      a.load(to, x.register(), x.at(32 * v));
      a.and(to, to, mask);
      if (v >= 2) {
        a.greaterInts(v % 2, v % 2, 2);
      }
    }
    x.moveTo(0);
    a.greaterInts(0, 0, 1);
    a.lowerHalves(1, 0, 0);
    a.upperHalves(0, 0, 0);
    a.greaterInts(0, 0, 1);
    a.shuffle(1, 0, 0b01_00_11_10);
    a.greaterInts(0, 0, 1);
    a.shuffle(1, 0, 0b10_11_00_01);
    a.greaterInts(0, 0, 1);
  }

  /** The sum of eight ints, in place of the first. */
  private static void fold(Assembler a, int what) {
    a.upperHalf(0, what);
    a.addInts(what, what, 0);
    a.shuffle(0, what, 0b01_00_11_10);
    a.addInts(what, what, 0);
    a.shuffle(0, what, 0b10_11_00_01);
    a.addInts(what, what, 0);
  }
}
