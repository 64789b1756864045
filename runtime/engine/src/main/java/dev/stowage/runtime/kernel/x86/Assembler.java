package dev.stowage.runtime.kernel.x86;

import java.util.Arrays;

/**
 * Writes the few instructions of x86-64 that kernels consist of, each in its shortest form: kernels
 * are as fast as their bytes can be fetched, so displacements are left out or of one byte where
 * they can be. A vector is as wide as {@link Width} says; what is said to be of eight, of four or
 * of fewer is so at every width, and reaches the first sixteen registers.
 *
 * @see <a
 *     href="https://www.amd.com/content/dam/amd/en/documents/processor-tech-docs/programmer-references/40332.pdf">AMD64
 *     Architecture Programmer's Manual, volumes 3 and 4</a>
 */
final class Assembler {
  /** A general register, by its number. */
  record Register(int number) {
    static final Register RAX = new Register(0);
    static final Register RCX = new Register(1);
    static final Register RDX = new Register(2);
    static final Register RBX = new Register(3);
    static final Register RBP = new Register(5);
    static final Register RSI = new Register(6);
    static final Register RDI = new Register(7);
    static final Register R8 = new Register(8);
    static final Register R9 = new Register(9);
    static final Register R10 = new Register(10);
    static final Register R11 = new Register(11);
    static final Register R12 = new Register(12);
    static final Register R13 = new Register(13);
    static final Register R14 = new Register(14);
    static final Register R15 = new Register(15);
  }

  /** The maps of opcodes that VEX and EVEX prefixes name. */
  private static final int MAP_0F = 1;

  private static final int MAP_0F38 = 2;
  private static final int MAP_0F3A = 3;

  /** How long a vector is. */
  private enum Length {
    /** As the assembler's width says. */
    FULL,
    EIGHT,
    FOUR
  }

  /** The prefixes that VEX and EVEX prefixes stand for. */
  private static final int NONE = 0;

  private static final int P66 = 1;
  private static final int PF3 = 2;

  /** What was written. */
  private static final class Text {
    byte[] code = new byte[256];
    int length;
  }

  private final Width width;
  private final Text text;

  Assembler(Width width) {
    this(width, new Text());
  }

  private Assembler(Width width, Text text) {
    this.width = width;
    this.text = text;
  }

  /** Writes on, with vectors of eight. */
  Assembler eight() {
    return new Assembler(Width.AVX2, text);
  }

  Width width() {
    return width;
  }

  /** What was written. */
  byte[] code() {
    return Arrays.copyOf(text.code, text.length);
  }

  /** Where the next instruction begins. */
  int here() {
    return text.length;
  }

  // -- general registers

  void move(Register to, Register from) {
    rex(from.number, 0, to.number);
    bytes(0x89, direct(from.number, to.number));
  }

  /** Moves the lower 32 bits; the upper ones become zero. */
  void moveLow(Register to, Register from) {
    int prefix = 0x40 | from.number >> 3 << 2 | to.number >> 3;
    if (prefix != 0x40) {
      bytes(prefix);
    }
    bytes(0x89, direct(from.number, to.number));
  }

  /** {@code to = base + index}. */
  void sum(Register to, Register base, Register index) {
    rex(to.number, index.number, base.number);
    bytes(0x8D, 1 << 6 | (to.number & 7) << 3 | 4, (index.number & 7) << 3 | base.number & 7, 0);
  }

  void add(Register to, int value) {
    if (value != 0) {
      constant(0, to, value);
    }
  }

  void subtract(Register from, int value) {
    constant(5, from, value);
  }

  void add(Register to, Register value) {
    rex(value.number, 0, to.number);
    bytes(0x01, direct(value.number, to.number));
  }

  void shiftRight(Register what, int bits) {
    rex(0, 0, what.number);
    bytes(0xC1, direct(5, what.number), bits);
  }

  /** Saves registers, which a function must leave as they were. */
  void push(Register... all) {
    for (var what : all) {
      stack(0x50, what);
    }
  }

  /** What {@link #push} saved is there again. */
  void pop(Register... all) {
    for (int i = all.length - 1; i >= 0; i--) {
      stack(0x58, all[i]);
    }
  }

  private void stack(int operation, Register what) {
    if (what.number >= 8) {
      bytes(0x41);
    }
    bytes(operation | what.number & 7);
  }

  /** Jumps back unless the last result was zero. */
  void jumpIfNotZero(int target) {
    bytes(0x0F, 0x85);
    int distance = target - (text.length + 4);
    bytes(distance, distance >> 8, distance >> 16, distance >> 24);
  }

  /** Leaves vector registers as other code expects them, and returns. */
  void leave() {
    bytes(0xC5, 0xF8, 0x77, 0xC3);
  }

  /** Asks for a cache line, to a level of the caches. */
  void prefetch(Register base, Register index, int level) {
    int prefix = 0x40 | index.number >> 3 << 1 | base.number >> 3;
    if (prefix != 0x40) {
      bytes(prefix);
    }
    int operands = (index.number & 7) << 3 | base.number & 7;
    if ((base.number & 7) != 5) {
      bytes(0x0F, 0x18, level << 3 | 4, operands);
    } else { // which without a displacement is no base
      bytes(0x0F, 0x18, 1 << 6 | level << 3 | 4, operands, 0);
    }
  }

  /** As the other, so many bytes on. */
  void prefetch(Register base, int at, int level) {
    if (base.number >= 8) {
      bytes(0x41);
    }
    int operands = 2 << 6 | level << 3 | base.number & 7;
    bytes(0x0F, 0x18, operands, at, at >> 8, at >> 16, at >> 24);
  }

  // -- vectors of floats or ints

  void load(int to, Register base, int at) {
    vector(MAP_0F, NONE, Length.FULL, 0x10, to, 0, base, at, width.bytes());
  }

  void store(int from, Register base, int at) {
    vector(MAP_0F, NONE, Length.FULL, 0x11, from, 0, base, at, width.bytes());
  }

  /** {@code sum += a * b}, rounded once. */
  void multiplyAdd(int sum, int a, int b) {
    vector(MAP_0F38, P66, Length.FULL, 0xB8, sum, a, b);
  }

  /** {@code sum += a * memory}, rounded once. */
  void multiplyAdd(int sum, int a, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0xB8, sum, a, base, at, width.bytes());
  }

  /** Widens F16 numbers. */
  void loadHalves(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x13, to, 0, base, at, width.bytes() / 2);
  }

  /** Widens eight F16 numbers of a vector of eight halves. */
  void widenHalves(int to, int from) {
    vector(MAP_0F38, P66, Length.EIGHT, 0x13, to, 0, from);
  }

  /** Widens unsigned 16-bit numbers to ints. */
  void loadUnsigned16(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x33, to, 0, base, at, width.bytes() / 2);
  }

  /** Widens eight unsigned bytes to ints. */
  void loadBytesAsInts(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.EIGHT, 0x31, to, 0, base, at, 1);
  }

  /** Widens eight signed 16-bit numbers to ints. */
  void loadShortsAsInts(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.EIGHT, 0x23, to, 0, base, at, 1);
  }

  /** Two bytes, again and again. */
  void broadcastShort(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x79, to, 0, base, at, Short.BYTES);
  }

  /** Four bytes, again and again. */
  void broadcast(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x58, to, 0, base, at, Float.BYTES);
  }

  void shiftIntsLeft(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x72, 6, to, from);
    bytes(bits);
  }

  void shiftIntsRight(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x72, 2, to, from);
    bytes(bits);
  }

  /** The sign comes in. */
  void shiftSignedIntsRight(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x72, 4, to, from);
    bytes(bits);
  }

  void and(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xDB, to, a, b);
  }

  void subtractInts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xFA, to, a, b);
  }

  void addInts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xFE, to, a, b);
  }

  void subtractInts(int to, int a, Register base, int at) {
    vector(MAP_0F, P66, Length.FULL, 0xFA, to, a, base, at, width.bytes());
  }

  /** The lower halves of products of ints. */
  void multiplyInts(int to, int a, int b) {
    vector(MAP_0F38, P66, Length.EIGHT, 0x40, to, a, b);
  }

  /** The greater of each two ints, with sign. */
  void greaterInts(int to, int a, int b) {
    vector(MAP_0F38, P66, Length.EIGHT, 0x3D, to, a, b);
  }

  /** All bits where two ints are equal, none elsewhere. */
  void equalInts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.EIGHT, 0x76, to, a, b);
  }

  void or(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xEB, to, a, b);
  }

  /** Ints of each half of a vector, the next two bits of the order saying which for each. */
  void shuffle(int to, int from, int order) {
    vector(MAP_0F, P66, Length.EIGHT, 0x70, to, 0, from);
    bytes(order);
  }

  /** Of each four two numbers of {@code a}, then two of {@code b}, as two bits each say. */
  void shuffle(int to, int a, int b, int order) {
    vector(MAP_0F, NONE, Length.FULL, 0xC6, to, a, b);
    bytes(order);
  }

  /** The lower halves of two vectors. */
  void lowerHalves(int to, int a, int b) {
    vector(MAP_0F3A, P66, Length.EIGHT, 0x46, to, a, b);
    bytes(0x20);
  }

  /** The upper halves of two vectors. */
  void upperHalves(int to, int a, int b) {
    vector(MAP_0F3A, P66, Length.EIGHT, 0x46, to, a, b);
    bytes(0x31);
  }

  /** Ints that floats are nearest to. */
  void ints(int to, int from) {
    vector(MAP_0F, P66, Length.EIGHT, 0x5B, to, 0, from);
  }

  /** Ints as floats. */
  void floats(int to, int from) {
    vector(MAP_0F, NONE, Length.FULL, 0x5B, to, 0, from);
  }

  void multiply(int to, int a, int b) {
    vector(MAP_0F, NONE, Length.FULL, 0x59, to, a, b);
  }

  void multiply(int to, int a, Register base, int at) {
    vector(MAP_0F, NONE, Length.FULL, 0x59, to, a, base, at, width.bytes());
  }

  void add(int to, int a, int b) {
    vector(MAP_0F, NONE, Length.FULL, 0x58, to, a, b);
  }

  void zero(int what) {
    vector(MAP_0F, P66, Length.FULL, 0xEF, what, what, what);
  }

  /** An int in all lanes; RAX is lost. */
  void constant(int to, int value) {
    bytes(0xB8, value, value >> 8, value >> 16, value >> 24);
    if (width == Width.AVX512) {
      vector(MAP_0F38, P66, Length.FULL, 0x7C, to, 0, 0);
    } else {
      vector(MAP_0F, P66, Length.FOUR, 0x6E, to, 0, 0);
      vector(MAP_0F38, P66, Length.FULL, 0x58, to, 0, to);
    }
  }

  // -- vectors of shorts

  /** Widens signed bytes. */
  void loadSignedBytes(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x20, to, 0, base, at, width.bytes() / 2);
  }

  /** Widens unsigned bytes. */
  void loadUnsignedBytes(int to, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x30, to, 0, base, at, width.bytes() / 2);
  }

  void shiftShortsRight(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x71, 2, to, from);
    bytes(bits);
  }

  /** The sign comes in. */
  void shiftSignedShortsRight(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x71, 4, to, from);
    bytes(bits);
  }

  void shiftShortsLeft(int to, int from, int bits) {
    vector(MAP_0F, P66, Length.FULL, 0x71, 6, to, from);
    bytes(bits);
  }

  /** The lower halves of products. */
  void multiplyShorts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xD5, to, a, b);
  }

  /** The lesser of each two shorts, with sign. */
  void lesserShorts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.EIGHT, 0xEA, to, a, b);
  }

  void subtractShorts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xF9, to, a, b);
  }

  /** Products of shorts, two neighbours added: ints. */
  void multiplyPairs(int to, int a, int b) {
    vector(MAP_0F, P66, Length.FULL, 0xF5, to, a, b);
  }

  void multiplyPairs(int to, int a, Register base, int at) {
    vector(MAP_0F, P66, Length.FULL, 0xF5, to, a, base, at, width.bytes());
  }

  /** Ints as shorts, the nearest where there is none: in each half those of {@code a} first. */
  void shorts(int to, int a, int b) {
    vector(MAP_0F, P66, Length.EIGHT, 0x6B, to, a, b);
  }

  /**
   * Adds products of shorts, two neighbours at a time, to ints: only where vectors are of 512 bits.
   */
  void addPairs(int sum, int a, int b) {
    vector(MAP_0F38, P66, Length.FULL, 0x52, sum, a, b);
  }

  void addPairs(int sum, int a, Register base, int at) {
    vector(MAP_0F38, P66, Length.FULL, 0x52, sum, a, base, at, width.bytes());
  }

  // -- halves and quarters of vectors of 512 bits

  /** The upper eight of sixteen numbers. */
  void upperEight(int to, int from) {
    vector(MAP_0F3A, P66, Length.FULL, 0x1B, from, 0, to);
    bytes(1);
  }

  /** The lower eight numbers of {@code a}, and as the upper ones those of memory. */
  void joinEights(int to, int a, Register base, int at) {
    vector(MAP_0F3A, P66, Length.FULL, 0x3A, to, a, base, at, width.bytes() / 2);
    bytes(1);
  }

  /** Two fours of {@code a}, then two of {@code b}, as two bits each say. */
  void shuffleFours(int to, int a, int b, int order) {
    vector(MAP_0F3A, P66, Length.FULL, 0x43, to, a, b);
    bytes(order);
  }

  // -- vectors of eight, at every width

  /** Adds the lower eight numbers. */
  void addEight(int to, int a, int b) {
    vector(MAP_0F, NONE, Length.EIGHT, 0x58, to, a, b);
  }

  // -- vectors of four, and of eight shorts

  /** Loads four numbers, and zeros in the other places. */
  void loadFour(int to, Register base, int at) {
    vector(MAP_0F, NONE, Length.FOUR, 0x10, to, 0, base, at, 1);
  }

  /** Replaces four numbers. */
  void insertFour(int what, Register base, int at, int index) {
    vector(MAP_0F3A, P66, Length.FULL, 0x38, what, what, base, at, 4 * Float.BYTES);
    bytes(index);
  }

  /** Loads an int, and zeros in the other places. */
  void loadInt(int to, Register base, int at) {
    vector(MAP_0F, P66, Length.FOUR, 0x6E, to, 0, base, at, 1);
  }

  /** Replaces one of eight shorts. */
  void insertShort(int what, Register base, int at, int index) {
    vector(MAP_0F, P66, Length.FOUR, 0xC4, what, what, base, at, 1);
    bytes(index);
  }

  /** Stores one of eight shorts. */
  void storeShort(int from, int index, Register base, int at) {
    vector(MAP_0F3A, P66, Length.FOUR, 0x15, from, 0, base, at, 1);
    bytes(index);
  }

  /** Stores one of four ints. */
  void storeInt(int from, int index, Register base, int at) {
    if (index == 0) {
      vector(MAP_0F, P66, Length.FOUR, 0x7E, from, 0, base, at, 1);
    } else {
      vector(MAP_0F3A, P66, Length.FOUR, 0x16, from, 0, base, at, 1);
      bytes(index);
    }
  }

  /** The upper half of a vector of eight. */
  void upperHalf(int to, int from) {
    vector(MAP_0F3A, P66, Length.EIGHT, 0x19, from, 0, to);
    bytes(1);
  }

  /** Adds the lower four numbers. */
  void addFour(int to, int a, int b) {
    vector(MAP_0F, NONE, Length.FOUR, 0x58, to, a, b);
  }

  /** The upper two of four numbers, over the lower two. */
  void upperTwo(int to, int from) {
    vector(MAP_0F, NONE, Length.FOUR, 0x12, to, from, from);
  }

  /** Numbers 1 and 3 of four, over 0 and 2. */
  void odd(int to, int from) {
    vector(MAP_0F, PF3, Length.FOUR, 0x16, to, 0, from);
  }

  /** Stores the lower two of four numbers. */
  void storeTwo(int from, Register base, int at) {
    vector(MAP_0F, NONE, Length.FOUR, 0x13, from, 0, base, at, 1);
  }

  /** Stores the first number. */
  void storeFirst(int from, Register base, int at) {
    vector(MAP_0F, PF3, Length.FOUR, 0x11, from, 0, base, at, 1);
  }

  // -- encoding

  private void bytes(int... values) {
    if (text.length + values.length > text.code.length) {
      text.code = Arrays.copyOf(text.code, 2 * text.code.length);
    }
    for (int value : values) {
      text.code[text.length++] = (byte) value;
    }
  }

  private void rex(int register, int index, int base) {
    bytes(0x48 | register >> 3 << 2 | index >> 3 << 1 | base >> 3);
  }

  private static int direct(int register, int base) {
    return 3 << 6 | (register & 7) << 3 | base & 7;
  }

  private void constant(int operation, Register to, int value) {
    rex(0, 0, to.number);
    if (value == (byte) value) {
      bytes(0x83, direct(operation, to.number), value);
    } else {
      bytes(0x81, direct(operation, to.number), value, value >> 8, value >> 16, value >> 24);
    }
  }

  private void vector(
      int map, int prefix, Length length, int opcode, int register, int other, int base) {
    if (isExtended(length)) {
      evex(map, prefix, opcode, register, other, base >> 3 & 1, base >> 4 & 1);
    } else {
      vex(map, prefix, length, opcode, register, other, base);
    }
    bytes(direct(register, base));
  }

  /**
   * @param unit what EVEX counts short displacements in
   */
  private void vector(
      int map,
      int prefix,
      Length length,
      int opcode,
      int register,
      int other,
      Register base,
      int at,
      int unit) {
    int counted = 1;
    if (isExtended(length)) {
      evex(map, prefix, opcode, register, other, base.number >> 3, 0);
      counted = unit;
    } else {
      vex(map, prefix, length, opcode, register, other, base.number);
    }
    int field = (register & 7) << 3 | base.number & 7;
    int displacement = at / counted;
    if (at == 0 && (base.number & 7) != 5) {
      bytes(field);
    } else if (at % counted == 0 && displacement == (byte) displacement) {
      bytes(1 << 6 | field, displacement);
    } else {
      bytes(2 << 6 | field, at, at >> 8, at >> 16, at >> 24);
    }
  }

  private boolean isExtended(Length length) {
    return length == Length.FULL && width == Width.AVX512;
  }

  private void vex(
      int map, int prefix, Length length, int opcode, int register, int other, int base) {
    int second = (~other & 15) << 3 | (length == Length.FOUR ? 0 : 1 << 2) | prefix;
    int extended = (~register >> 3 & 1) << 7;
    if (map == MAP_0F && base < 8) {
      bytes(0xC5, extended | second, opcode);
    } else {
      bytes(0xC4, extended | 1 << 6 | (~base >> 3 & 1) << 5 | map, second, opcode);
    }
  }

  /**
   * Vectors of 512 bits, in all 32 registers; {@code b} and {@code x} are the base's upper bits.
   */
  private void evex(int map, int prefix, int opcode, int register, int other, int b, int x) {
    int upper = (register >> 3 & 1) << 7 | x << 6 | b << 5 | (register >> 4 & 1) << 4;
    bytes(
        0x62,
        ~upper & 0xF0 | map,
        (~other & 15) << 3 | 1 << 2 | prefix,
        2 << 5 | (~other >> 4 & 1) << 3,
        opcode);
  }
}
