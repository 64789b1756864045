package dev.stowage.runtime.kernel.x86;

import java.util.Arrays;

/**
 * Writes the few instructions of x86-64 with AVX2, FMA and F16C that kernels consist of, each in
 * its shortest form: kernels are as fast as their bytes can be fetched, so displacements are left
 * out or of one byte where they can be.
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

  /** The maps of opcodes that VEX prefixes name. */
  private static final int MAP_0F = 1;

  private static final int MAP_0F38 = 2;
  private static final int MAP_0F3A = 3;

  /** The prefixes that VEX prefixes stand for. */
  private static final int NONE = 0;

  private static final int P66 = 1;
  private static final int PF3 = 2;

  private byte[] code = new byte[256];
  private int length;

  /** What was written. */
  byte[] code() {
    return Arrays.copyOf(code, length);
  }

  /** Where the next instruction begins. */
  int here() {
    return length;
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
    int distance = target - (length + 4);
    bytes(distance, distance >> 8, distance >> 16, distance >> 24);
  }

  /** Leaves vector registers as other code expects them, and returns. */
  void leave() {
    bytes(0xC5, 0xF8, 0x77, 0xC3);
  }

  /** Asks for a cache line, to the second level. */
  void prefetch(Register base, Register index) {
    int prefix = 0x40 | index.number >> 3 << 1 | base.number >> 3;
    if (prefix != 0x40) {
      bytes(prefix);
    }
    bytes(0x0F, 0x18, 2 << 3 | 4, (index.number & 7) << 3 | base.number & 7);
  }

  // -- vectors of eight floats or ints

  void load(int to, Register base, int at) {
    vector(MAP_0F, NONE, true, 0x10, to, 0, base, at);
  }

  void store(int from, Register base, int at) {
    vector(MAP_0F, NONE, true, 0x11, from, 0, base, at);
  }

  /** {@code sum += a * b}, rounded once. */
  void multiplyAdd(int sum, int a, int b) {
    vector(MAP_0F38, P66, true, 0xB8, sum, a, b);
  }

  /** {@code sum += a * memory}, rounded once. */
  void multiplyAdd(int sum, int a, Register base, int at) {
    vector(MAP_0F38, P66, true, 0xB8, sum, a, base, at);
  }

  /** Widens eight F16 numbers. */
  void loadHalves(int to, Register base, int at) {
    vector(MAP_0F38, P66, true, 0x13, to, 0, base, at);
  }

  /** Widens eight F16 numbers of a vector of eight halves. */
  void widenHalves(int to, int from) {
    vector(MAP_0F38, P66, true, 0x13, to, 0, from);
  }

  /** Widens eight unsigned 16-bit numbers to ints. */
  void loadUnsigned16(int to, Register base, int at) {
    vector(MAP_0F38, P66, true, 0x33, to, 0, base, at);
  }

  /** Four bytes, eight times over. */
  void broadcast(int to, Register base, int at) {
    vector(MAP_0F38, P66, true, 0x58, to, 0, base, at);
  }

  void shiftIntsLeft(int to, int from, int bits) {
    vector(MAP_0F, P66, true, 0x72, 6, to, from);
    bytes(bits);
  }

  void and(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xDB, to, a, b);
  }

  void subtractInts(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xFA, to, a, b);
  }

  void addInts(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xFE, to, a, b);
  }

  void subtractInts(int to, int a, Register base, int at) {
    vector(MAP_0F, P66, true, 0xFA, to, a, base, at);
  }

  /** The greater of each two ints, with sign. */
  void greaterInts(int to, int a, int b) {
    vector(MAP_0F38, P66, true, 0x3D, to, a, b);
  }

  /** All bits where two ints are equal, none elsewhere. */
  void equalInts(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0x76, to, a, b);
  }

  void or(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xEB, to, a, b);
  }

  /** Ints of each half of a vector, the next two bits of the order saying which for each. */
  void shuffle(int to, int from, int order) {
    vector(MAP_0F, P66, true, 0x70, to, 0, from);
    bytes(order);
  }

  /** Of each half two numbers of {@code a}, then two of {@code b}, as two bits each say. */
  void shuffle(int to, int a, int b, int order) {
    vector(MAP_0F, NONE, true, 0xC6, to, a, b);
    bytes(order);
  }

  /** The lower halves of two vectors. */
  void lowerHalves(int to, int a, int b) {
    vector(MAP_0F3A, P66, true, 0x46, to, a, b);
    bytes(0x20);
  }

  /** The upper halves of two vectors. */
  void upperHalves(int to, int a, int b) {
    vector(MAP_0F3A, P66, true, 0x46, to, a, b);
    bytes(0x31);
  }

  /** Ints that floats are nearest to. */
  void ints(int to, int from) {
    vector(MAP_0F, P66, true, 0x5B, to, 0, from);
  }

  /** Ints as floats. */
  void floats(int to, int from) {
    vector(MAP_0F, NONE, true, 0x5B, to, 0, from);
  }

  void multiply(int to, int a, int b) {
    vector(MAP_0F, NONE, true, 0x59, to, a, b);
  }

  void multiply(int to, int a, Register base, int at) {
    vector(MAP_0F, NONE, true, 0x59, to, a, base, at);
  }

  void add(int to, int a, int b) {
    vector(MAP_0F, NONE, true, 0x58, to, a, b);
  }

  void zero(int what) {
    vector(MAP_0F, P66, true, 0xEF, what, what, what);
  }

  /** An int in all lanes; RAX is lost. */
  void constant(int to, int value) {
    bytes(0xB8, value, value >> 8, value >> 16, value >> 24);
    vector(MAP_0F, P66, false, 0x6E, to, 0, 0);
    vector(MAP_0F38, P66, true, 0x58, to, 0, to);
  }

  // -- vectors of sixteen shorts

  /** Widens sixteen signed bytes. */
  void loadSignedBytes(int to, Register base, int at) {
    vector(MAP_0F38, P66, true, 0x20, to, 0, base, at);
  }

  /** Widens sixteen unsigned bytes. */
  void loadUnsignedBytes(int to, Register base, int at) {
    vector(MAP_0F38, P66, true, 0x30, to, 0, base, at);
  }

  void shiftShortsRight(int to, int from, int bits) {
    vector(MAP_0F, P66, true, 0x71, 2, to, from);
    bytes(bits);
  }

  void subtractShorts(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xF9, to, a, b);
  }

  /** Products of shorts, two neighbours added: eight ints. */
  void multiplyPairs(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0xF5, to, a, b);
  }

  void multiplyPairs(int to, int a, Register base, int at) {
    vector(MAP_0F, P66, true, 0xF5, to, a, base, at);
  }

  /** Ints as shorts, the nearest where there is none: in each half those of {@code a} first. */
  void shorts(int to, int a, int b) {
    vector(MAP_0F, P66, true, 0x6B, to, a, b);
  }

  // -- vectors of four, and of eight shorts

  /** Replaces one of eight shorts. */
  void insertShort(int what, Register base, int at, int index) {
    vector(MAP_0F, P66, false, 0xC4, what, what, base, at);
    bytes(index);
  }

  /** Stores one of four ints. */
  void storeInt(int from, int index, Register base, int at) {
    if (index == 0) {
      vector(MAP_0F, P66, false, 0x7E, from, 0, base, at);
    } else {
      vector(MAP_0F3A, P66, false, 0x16, from, 0, base, at);
      bytes(index);
    }
  }

  /** The upper half of a vector of eight. */
  void upperHalf(int to, int from) {
    vector(MAP_0F3A, P66, true, 0x19, from, 0, to);
    bytes(1);
  }

  /** Adds the lower four numbers. */
  void addFour(int to, int a, int b) {
    vector(MAP_0F, NONE, false, 0x58, to, a, b);
  }

  /** The upper two of four numbers, over the lower two. */
  void upperTwo(int to, int from) {
    vector(MAP_0F, NONE, false, 0x12, to, from, from);
  }

  /** Numbers 1 and 3 of four, over 0 and 2. */
  void odd(int to, int from) {
    vector(MAP_0F, PF3, false, 0x16, to, 0, from);
  }

  /** Stores the lower two of four numbers. */
  void storeTwo(int from, Register base, int at) {
    vector(MAP_0F, NONE, false, 0x13, from, 0, base, at);
  }

  /** Stores the first number. */
  void storeFirst(int from, Register base, int at) {
    vector(MAP_0F, PF3, false, 0x11, from, 0, base, at);
  }

  // -- encoding

  private void bytes(int... values) {
    if (length + values.length > code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    for (int value : values) {
      code[length++] = (byte) value;
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
      int map, int prefix, boolean eight, int opcode, int register, int other, int base) {
    vex(map, prefix, eight, opcode, register, other, base);
    bytes(direct(register, base));
  }

  private void vector(
      int map,
      int prefix,
      boolean eight,
      int opcode,
      int register,
      int other,
      Register base,
      int at) {
    vex(map, prefix, eight, opcode, register, other, base.number);
    int field = (register & 7) << 3 | base.number & 7;
    if (at == 0 && (base.number & 7) != 5) {
      bytes(field);
    } else if (at == (byte) at) {
      bytes(1 << 6 | field, at);
    } else {
      bytes(2 << 6 | field, at, at >> 8, at >> 16, at >> 24);
    }
  }

  private void vex(
      int map, int prefix, boolean eight, int opcode, int register, int other, int base) {
    int second = (~other & 15) << 3 | (eight ? 1 << 2 : 0) | prefix;
    int extended = (~register >> 3 & 1) << 7;
    if (map == MAP_0F && base < 8) {
      bytes(0xC5, extended | second, opcode);
    } else {
      bytes(0xC4, extended | 1 << 6 | (~base >> 3 & 1) << 5 | map, second, opcode);
    }
  }
}
