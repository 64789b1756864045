package dev.stowage.csd.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.ftl.KvShape;
import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CommandTest {
  @Test
  void aCommandsBytesAreTheDocumentedOnes() {
    byte[] bytes = new byte[Command.BYTES];
    new Command()
        .of(Opcode.ATTEND)
        .id(0x1234)
        .region(5)
        .flags(1)
        .address(1, 2, 3, 4)
        .count(6)
        .in(0x100, 0x200)
        .out(0x300, 0x400)
        .encode(MemorySegment.ofArray(bytes));
    assertEquals(
        "0401341205000100"
            + "0400000320000100"
            + "0600000000000000"
            + "0001000000000000"
            + "0002000000000000"
            + "0003000000000000"
            + "0004000000000000"
            + "0000000000000000",
        HexFormat.of().formatHex(bytes));
  }

  @Test
  void whatDecodesEncodesToTheSameBytes() {
    var random = new Random(11);
    byte[] bytes = new byte[Command.BYTES];
    byte[] again = new byte[Command.BYTES];
    var command = new Command();
    int decoded = 0;
    for (int i = 0; i < 20_000; i++) {
      random.nextBytes(bytes);
      bytes[0] = (byte) random.nextInt(9);
      bytes[1] = (byte) random.nextInt(2);
      bytes[19] &= 0x7F;
      Arrays.fill(bytes, 20, 24, (byte) 0);
      Arrays.fill(bytes, 56, 64, (byte) 0);
      if (command.decode(MemorySegment.ofArray(bytes)) == Status.OK) {
        decoded++;
        command.encode(MemorySegment.ofArray(again));
        assertArrayEquals(bytes, again, "seed 11, command " + i);
      }
    }
    assertTrue(decoded > 1000);
  }

  @Test
  void refusesOtherVersionsOpcodesAndReservedBits() {
    byte[] bytes = new byte[Command.BYTES];
    var segment = MemorySegment.ofArray(bytes);
    var command = new Command();
    assertEquals(Status.INVALID_VERSION, command.decode(segment));
    bytes[1] = 1;
    assertEquals(Status.INVALID_OPCODE, command.decode(segment));
    bytes[0] = 8;
    assertEquals(Status.INVALID_OPCODE, command.decode(segment));
    bytes[0] = 7;
    assertEquals(Status.OK, command.decode(segment));
    bytes[63] = 1;
    assertEquals(Status.INVALID_FIELD, command.decode(segment));
  }

  @Test
  void addressesKeepTheirParts() {
    long address = Address.of(0xFFFF, 0xFFF, 0xFFF, 0xFF_FFFF);
    assertEquals(-1L, address);
    assertEquals(0xFFFF, Address.slot(address));
    assertEquals(0xFFF, Address.layer(address));
    assertEquals(0xFFF, Address.head(address));
    assertEquals(0xFF_FFFF, Address.token(address));
    assertThrows(IllegalArgumentException.class, () -> Address.of(1 << 16, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> Address.of(0, -1, 0, 0));
  }

  @Test
  void recordsReadBackFromTheirBytes() {
    var segment = MemorySegment.ofArray(new byte[128]);
    var config = new RegionConfig(new KvShape(2, 3, 4, 5, 6, ElementType.BF16), 7, 8, 0.25f);
    config.encode(segment, 3);
    assertEquals(config, RegionConfig.decode(segment, 3));
    var identity = new DriveIdentity(new FlashGeometry(1, 2, 3, 4, 5, 64), 6, 7, 8);
    identity.encode(segment, 5);
    assertEquals(identity, DriveIdentity.decode(segment, 5));
    var statistics = new CsdStatistics(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.5, 13.5);
    statistics.encode(segment, 9);
    assertEquals(statistics, CsdStatistics.decode(segment, 9));
    Completion.encode(segment, 0xFFFE, Status.MEDIA_ERROR, 77);
    assertEquals(Status.MEDIA_ERROR, Completion.status(segment));
    assertEquals(0xFFFE, Completion.id(segment));
    assertEquals(77, Completion.result(segment));
  }
}
