package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.runtime.kernel.x86.Assembler.Register;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Instructions as GNU as writes them. */
class AssemblerTest {
  private static void assertCode(String expected, Consumer<Assembler> what) {
    assertCode(Width.AVX2, expected, what);
  }

  private static void assertCode(Width width, String expected, Consumer<Assembler> what) {
    var assembler = new Assembler(width);
    what.accept(assembler);
    assertEquals(expected, HexFormat.ofDelimiter(" ").formatHex(assembler.code()));
  }

  @Test
  void generalRegistersOfBothHalves() {
    assertCode("48 89 f8", a -> a.move(Register.RAX, Register.RDI));
    assertCode("4d 89 c7", a -> a.move(Register.R15, Register.R8));
    assertCode("89 f8", a -> a.moveLow(Register.RAX, Register.RDI));
    assertCode("4c 01 d6", a -> a.add(Register.RSI, Register.R10));
    assertCode("48 83 c7 7f", a -> a.add(Register.RDI, 127));
    assertCode("48 81 c7 80 00 00 00", a -> a.add(Register.RDI, 128));
    assertCode("", a -> a.add(Register.RDI, 0));
    assertCode("42 0f 18 0c 08", a -> a.prefetch(Register.RAX, Register.R9, 1));
    assertCode("42 0f 18 4c 0d 00", a -> a.prefetch(Register.RBP, Register.R9, 1));
    assertCode("0f 18 96 00 40 00 00", a -> a.prefetch(Register.RSI, 16384, 2));
    assertCode("49 c1 ec 20", a -> a.shiftRight(Register.R12, 32));
    assertCode(
        "53 41 54 41 5c 5b",
        a -> {
          a.push(Register.RBX, Register.R12);
          a.pop(Register.RBX, Register.R12);
        });
  }

  @Test
  void vectorsInTheShortestForm() {
    assertCode("c5 fc 10 07", a -> a.load(0, Register.RDI, 0));
    assertCode("c4 41 7c 10 78 20", a -> a.load(15, Register.R8, 32));
    assertCode("c5 fc 10 45 00", a -> a.load(0, Register.RBP, 0));
    assertCode("c5 fc 11 8f 80 00 00 00", a -> a.store(1, Register.RDI, 128));
    assertCode("c4 e2 75 b8 c2", a -> a.multiplyAdd(0, 1, 2));
    assertCode("c4 e2 7d 13 06", a -> a.loadHalves(0, Register.RSI, 0));
    assertCode("c5 85 fe c7", a -> a.addInts(0, 15, 7));
    assertCode("c5 75 f5 c2", a -> a.multiplyPairs(8, 1, 2));
    assertCode("c4 e2 7d 58 40 04", a -> a.broadcast(0, Register.RAX, 4));
    assertCode("c5 f9 6e 06", a -> a.loadInt(0, Register.RSI, 0));
    assertCode("c5 f9 c4 06 03", a -> a.insertShort(0, Register.RSI, 0, 3));
    assertCode("c4 e3 79 16 06 02", a -> a.storeInt(0, 2, Register.RSI, 0));
    assertCode("c4 e3 7d 19 c1 01", a -> a.upperHalf(1, 0));
  }

  @Test
  void codesOfFewBits() {
    assertCode("c4 e2 7d 31 46 04", a -> a.loadBytesAsInts(0, Register.RSI, 4));
    assertCode("c4 e2 7d 23 16", a -> a.loadShortsAsInts(2, Register.RSI, 0));
    assertCode("c4 e2 7d 79 5e 10", a -> a.broadcastShort(3, Register.RSI, 16));
    assertCode("c4 62 25 40 db", a -> a.multiplyInts(11, 11, 3));
    assertCode("c5 f5 72 d0 06", a -> a.shiftIntsRight(1, 0, 6));
    assertCode("c5 e5 72 e2 18", a -> a.shiftSignedIntsRight(3, 2, 24));
    assertCode("c5 fd 71 e1 08", a -> a.shiftSignedShortsRight(0, 1, 8));
    assertCode("c5 e5 71 f2 04", a -> a.shiftShortsLeft(3, 2, 4));
    assertCode("c5 d5 d5 e0", a -> a.multiplyShorts(4, 5, 0));
    assertCode("c4 c1 5d ea e0", a -> a.lesserShorts(4, 4, 8));
    assertCode("c4 e3 79 15 66 06 03", a -> a.storeShort(4, 3, Register.RSI, 6));
    assertCode("c4 e3 5d 38 66 4a 01", a -> a.insertFour(4, Register.RSI, 74, 1));
    assertWide("62 f3 5d 48 38 66 04 02", a -> a.insertFour(4, Register.RSI, 64, 2));
    assertWide("62 f3 55 48 3a 66 02 01", a -> a.joinEights(4, 5, Register.RSI, 64));
    assertWide("62 e3 55 40 43 e2 88", a -> a.shuffleFours(20, 21, 2, 0x88));
    assertWide("62 d2 5d 48 52 4e 01", a -> a.addPairs(1, 4, Register.R14, 64));
    assertWide("b8 07 00 00 00 62 e2 7d 48 7c d8", a -> a.constant(19, 7));
    assertWide("c5 fc 10 07", a -> a.eight().load(0, Register.RDI, 0));
  }

  @Test
  void wideVectorsInAllRegistersAndDisplacementsInUnits() {
    assertWide("62 41 7c 48 10 78 01", a -> a.load(31, Register.R8, 64));
    assertWide("62 e1 7c 48 11 4f 02", a -> a.store(17, Register.RDI, 128));
    assertWide("62 f1 7c 48 10 8f 64 00 00 00", a -> a.load(1, Register.RDI, 100));
    assertWide("62 f1 7c 48 10 45 00", a -> a.load(0, Register.RBP, 0));
    assertWide("62 02 75 40 b8 c7", a -> a.multiplyAdd(24, 17, 31));
    assertWide("62 52 35 40 b8 41 40", a -> a.multiplyAdd(8, 25, Register.R9, 4096));
    assertWide("62 62 7d 48 13 66 01", a -> a.loadHalves(28, Register.RSI, 32));
    assertWide("62 f2 7d 48 33 18", a -> a.loadUnsigned16(3, Register.RAX, 0));
    assertWide("62 b1 5d 40 72 f5 10", a -> a.shiftIntsLeft(20, 21, 16));
    assertWide("62 f2 7d 48 58 50 01", a -> a.broadcast(2, Register.RAX, 4));
    assertWide("62 71 75 48 f5 c2", a -> a.multiplyPairs(8, 1, 2));
    assertWide("62 32 75 48 52 ca", a -> a.addPairs(9, 1, 18));
    assertWide("62 c3 7d 48 1b c0 01", a -> a.upperEight(8, 16));
    assertWide("62 51 7c 48 5b c0", a -> a.floats(8, 8));
    assertWide("62 d1 6c 48 59 49 01", a -> a.multiply(1, 2, Register.R9, 64));
    assertWide("62 f1 7d 48 ef c0", a -> a.zero(0));
    assertWide("c5 ec 58 cb", a -> a.addEight(1, 2, 3));
    assertWide("c5 fa 11 06", a -> a.storeFirst(0, Register.RSI, 0));
  }

  private static void assertWide(String expected, Consumer<Assembler> what) {
    assertCode(Width.AVX512, expected, what);
  }

  @Test
  void jumpsGoBackFromTheirEnd() {
    assertCode("0f 85 fa ff ff ff", a -> a.jumpIfNotZero(a.here()));
  }
}
