package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.runtime.kernel.x86.Assembler.Register;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Instructions as GNU as writes them. */
class AssemblerTest {
  private static void assertCode(String expected, Consumer<Assembler> what) {
    var assembler = new Assembler();
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
    assertCode("c5 f9 c4 06 03", a -> a.insertShort(0, Register.RSI, 0, 3));
    assertCode("c4 e3 79 16 06 02", a -> a.storeInt(0, 2, Register.RSI, 0));
    assertCode("c4 e3 7d 19 c1 01", a -> a.upperHalf(1, 0));
  }

  @Test
  void jumpsGoBackFromTheirEnd() {
    assertCode("0f 85 fa ff ff ff", a -> a.jumpIfNotZero(a.here()));
  }
}
