package dev.stowage.csd.emulator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.stowage.csd.command.Address;
import dev.stowage.csd.command.Command;
import dev.stowage.csd.command.Completion;
import dev.stowage.csd.command.CsdStatistics;
import dev.stowage.csd.command.Opcode;
import dev.stowage.csd.command.RegionConfig;
import dev.stowage.csd.command.Status;
import dev.stowage.csd.command.Wire;
import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.flash.FlashImage;
import dev.stowage.csd.ftl.KvShape;
import dev.stowage.plan.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DriveEmulatorTest {
  private static final int REGION = 9;
  private static final RegionConfig CONFIG =
      new RegionConfig(new KvShape(2, 2, 2, 40, 4, ElementType.F32), 3, 8, 0.5f);

  @TempDir Path folder;
  private final MemorySegment shared = MemorySegment.ofArray(new byte[8192]);
  private final MemorySegment bytes = MemorySegment.ofArray(new byte[Command.BYTES]);
  private final MemorySegment completion = MemorySegment.ofArray(new byte[Completion.BYTES]);
  private final Command command = new Command();
  private DriveEmulator drive;

  @BeforeEach
  void start() {
    var geometry = new FlashGeometry(2, 1, 2, 8, 8, 64);
    var image = FlashImage.create(folder.resolve("drive.flash"), geometry);
    drive = new DriveEmulator(image, DriveTiming.INSTINFER, 1 << 20, shared);
    CONFIG.encode(shared, 0);
    assertEquals(
        Status.OK, run(command.of(Opcode.CONFIGURE).region(REGION).in(0, RegionConfig.BYTES)));
  }

  @AfterEach
  void stop() {
    drive.close();
  }

  @Test
  void hostileCommandsAreAnsweredAndDamageNothing() {
    appendTokens(0, 0, 0, 37);
    byte[] before = attend(0, 0, 37);
    var random = new Random(5);
    for (int i = 0; i < 30_000; i++) {
      hostile(random);
      drive.execute(bytes, completion);
      assertEquals(bytes.get(Wire.U16, 2), (short) Completion.id(completion), "seed 5, " + i);
      assertNotEquals(Status.INTERNAL_ERROR, Completion.status(completion), "seed 5, command " + i);
    }
    assertArrayEquals(before, attend(0, 0, 37), "seed 5");
  }

  /** Anything but what legally changes slot 0 of layer 0 of the region. */
  private void hostile(Random random) {
    for (int at = 0; at < Command.BYTES; at += 8) {
      bytes.set(Wire.U64, at, random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(0x1000));
    }
    bytes.set(Wire.U8, 0, (byte) random.nextInt(10));
    bytes.set(Wire.U8, 1, (byte) (random.nextInt(10) == 0 ? 2 : 1));
    bytes.set(Wire.U16, 4, (short) (random.nextInt(4) == 0 ? random.nextInt(20) : REGION));
    bytes.set(Wire.U16, 6, (short) random.nextInt(3));
    bytes.set(Wire.U32, 20, random.nextInt(20) == 0 ? 1 : 0);
    bytes.set(Wire.U64, 56, random.nextInt(20) == 0 ? 1 : 0);
    int count = random.nextInt(10);
    bytes.set(Wire.U32, 16, random.nextInt(10) == 0 ? random.nextInt() : count);
    if (random.nextBoolean()) {
      int layer = random.nextInt(3);
      bytes.set(Wire.U64, 8, Address.of(0, layer, 0, 0));
      boolean append = random.nextBoolean();
      bytes.set(Wire.U8, 0, (byte) (append ? 3 : 4));
      bytes.set(Wire.U64, 32, count * (append ? CONFIG.appendBytes() : CONFIG.queryBytes()));
      bytes.set(Wire.U64, 48, append ? 0 : count * CONFIG.partialBytes());
    }
    if (bytes.get(Wire.U8, 0) == 2 && random.nextBoolean()) {
      bytes.set(Wire.U64, 32, RegionConfig.BYTES);
      bytes.set(Wire.U64, 48, 0);
    }
    for (int at = 0; at < shared.byteSize(); at += 4) {
      shared.set(Wire.U32, at, random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(4));
    }
    boolean reclaims = bytes.get(Wire.U8, 0) == 5 && bytes.get(Wire.U16, 4) == REGION;
    if (reclaims && bytes.get(Wire.U16, 6) == Command.FLAG) {
      bytes.set(Wire.U16, 6, (short) 2);
    }
    if (reclaims && bytes.get(Wire.U64, 8) >>> 48 == 0) {
      bytes.set(Wire.U64, 8, Address.of(1, 0, 0, 0));
    }
  }

  @Test
  void refusesTokensOutOfOrder() {
    assertEquals(Status.OUT_OF_ORDER, append(0, 0, 1));
    assertEquals(Status.OK, append(0, 0, 0));
    assertEquals(Status.OUT_OF_ORDER, append(0, 0, 0));
    assertEquals(Status.OK, append(0, 0, 1));
    assertEquals(Status.OUT_OF_RANGE, append(2, 0, 0));
    assertEquals(Status.OUT_OF_RANGE, append(0, 2, 0));
  }

  @Test
  void refusesMoreTokensThanTheRegionHas() {
    appendTokens(1, 1, 0, 40);
    assertEquals(Status.OUT_OF_RANGE, append(1, 1, 40));
  }

  @Test
  void refusesToAttendOverWhatIsNotStored() {
    appendTokens(0, 0, 0, 3);
    putQuery(0, 0, 4);
    assertEquals(Status.OUT_OF_RANGE, run(attendCommand(0)));
    putQuery(0, 3, 2);
    assertEquals(Status.OUT_OF_RANGE, run(attendCommand(0)));
    putQuery(0, -1, 2);
    assertEquals(Status.OUT_OF_RANGE, run(attendCommand(0)));
  }

  @Test
  void flushingKeepsEverythingReadable() {
    appendTokens(0, 0, 0, 37);
    byte[] before = attend(0, 0, 37);
    assertEquals(Status.OK, run(command.of(Opcode.FLUSH)));
    assertArrayEquals(before, attend(0, 0, 37));
  }

  @Test
  void tellsTheLastErrorInWords() {
    assertEquals(Status.OUT_OF_ORDER, append(0, 0, 1));
    assertEquals(Status.OK, run(command.of(Opcode.STATS).flags(Command.FLAG).out(0, 200)));
    byte[] text = new byte[(int) Completion.result(completion)];
    MemorySegment.copy(shared, 0, MemorySegment.ofArray(text), 0, text.length);
    assertEquals(Status.OUT_OF_ORDER.meaning(), new String(text, StandardCharsets.UTF_8));
  }

  @Test
  void refusesReservedBytesAndFlags() {
    appendTokens(0, 0, 0, 3);
    putQuery(0, 0, 3);
    shared.set(Wire.U32, 12, 1);
    assertEquals(Status.INVALID_FIELD, run(attendCommand(0)));
    putQuery(0, 0, 3);
    assertEquals(Status.INVALID_FIELD, run(attendCommand(0).flags(1)));
    assertEquals(Status.INVALID_FIELD, run(command.of(Opcode.RECLAIM).region(REGION).flags(2)));
  }

  @Test
  void refusesRegionsThatAreNotConfiguredOrAreTwice() {
    assertEquals(Status.NO_SUCH_REGION, run(command.of(Opcode.RECLAIM).region(8).count(1)));
    CONFIG.encode(shared, 0);
    assertEquals(
        Status.INVALID_FIELD,
        run(command.of(Opcode.CONFIGURE).region(REGION).in(0, RegionConfig.BYTES)));
  }

  @Test
  void refusesRegionsLargerThanItsFlashOrDram() {
    new RegionConfig(new KvShape(100, 2, 2, 40, 4, ElementType.F32), 3, 8, 0.5f).encode(shared, 0);
    var configure = command.of(Opcode.CONFIGURE).region(1).in(0, RegionConfig.BYTES);
    assertEquals(Status.CAPACITY_EXCEEDED, run(configure));
    new RegionConfig(new KvShape(60_000, 9, 9, 3, 4, ElementType.F32), 3, 8, 0.5f)
        .encode(shared, 0);
    assertEquals(Status.CAPACITY_EXCEEDED, run(configure));
    new RegionConfig(CONFIG.shape(), 3, 4000, 0.5f).encode(shared, 0);
    assertEquals(Status.CAPACITY_EXCEEDED, run(configure));
  }

  @Test
  void dataOutsideSharedMemoryAreRefused() {
    long[] offsets = {-1, Long.MAX_VALUE, Long.MIN_VALUE, 8192, 8192 - CsdStatistics.BYTES + 1};
    for (long offset : offsets) {
      assertEquals(
          Status.INVALID_DATA, run(command.of(Opcode.STATS).out(offset, CsdStatistics.BYTES)));
    }
    assertEquals(Status.INVALID_DATA, run(command.of(Opcode.STATS).out(0, Long.MAX_VALUE)));
  }

  @Test
  void pageReadsTakeTheTimeOfTheBusiestChannel() {
    var geometry = new FlashGeometry(8, 4, 4, 8, 256, 4096);
    var timing = DriveTiming.INSTINFER;
    double transfer = 4096 / 1.4e9;
    assertEquals(40e-6 + 1000 * transfer, timing.read(geometry, 1000), 1e-9);
    var onePlane = new FlashGeometry(8, 1, 1, 8, 256, 4096);
    assertEquals(40e-6 + 1000 * 40e-6, timing.read(onePlane, 1000), 1e-9);
    assertEquals(0, timing.read(geometry, 0));
  }

  @Test
  void programmingTakesThePageTimeOnceAndThenTheRateOfTheChannel() {
    var geometry = new FlashGeometry(8, 4, 4, 8, 256, 4096);
    assertEquals(
        400e-6 + 1000 * 4096 / 0.625e9, DriveTiming.INSTINFER.program(geometry, 1000), 1e-9);
    assertEquals(0, DriveTiming.INSTINFER.program(geometry, 0));
  }

  @Test
  void attendingAddsSimulatedSecondsOfFlashLinkAndLatency() {
    appendTokens(0, 0, 0, 37);
    var before = statistics();
    attend(0, 0, 37);
    var after = statistics();
    // 37 tokens fill 9 groups of 4, one page of 64 bytes each, of 2 kinds and 2 heads
    assertEquals(2 * 2 * 9, after.pagesRead() - before.pagesRead());
    double perChannel = 40e-6 + 18 * 20e-6;
    double link = (64 + CONFIG.queryBytes() + 16 + CONFIG.partialBytes()) / 7e9;
    assertEquals(
        10e-6 + link + perChannel,
        after.simulatedAttendSeconds() - before.simulatedAttendSeconds(),
        1e-9);
    assertEquals(before.simulatedAppendSeconds(), after.simulatedAppendSeconds());
  }

  private CsdStatistics statistics() {
    assertEquals(Status.OK, run(command.of(Opcode.STATS).out(0, CsdStatistics.BYTES)));
    return CsdStatistics.decode(shared, 0);
  }

  private Status run(Command filled) {
    filled.encode(bytes);
    drive.execute(bytes, completion);
    return Completion.status(completion);
  }

  private void appendTokens(int slot, int layer, int from, int to) {
    for (int token = from; token < to; token++) {
      assertEquals(Status.OK, append(slot, layer, token));
    }
  }

  private Status append(int slot, int layer, int token) {
    shared.set(Wire.U32, 0, slot);
    shared.set(Wire.U32, 4, token);
    for (int i = 0; i < 16; i++) {
      shared.set(Wire.F32, 8 + 4 * i, (float) Math.sin(token * 16 + i));
    }
    return run(
        command
            .of(Opcode.APPEND)
            .region(REGION)
            .address(0, layer, 0, 0)
            .count(1)
            .in(0, CONFIG.appendBytes()));
  }

  private byte[] attend(int slot, int from, int to) {
    putQuery(slot, from, to);
    assertEquals(Status.OK, run(attendCommand(0)));
    return shared
        .asSlice(CONFIG.queryBytes(), CONFIG.partialBytes())
        .toArray(ValueLayout.JAVA_BYTE);
  }

  private void putQuery(int slot, int from, int to) {
    shared.set(Wire.U32, 0, slot);
    shared.set(Wire.U32, 4, from);
    shared.set(Wire.U32, 8, to);
    shared.set(Wire.U32, 12, 0);
    for (int i = 0; i < 24; i++) {
      shared.set(Wire.F32, 16 + 4 * i, (float) Math.cos(i));
    }
  }

  private Command attendCommand(int layer) {
    return command
        .of(Opcode.ATTEND)
        .region(REGION)
        .address(0, layer, 0, 0)
        .count(1)
        .in(0, CONFIG.queryBytes())
        .out(CONFIG.queryBytes(), CONFIG.partialBytes());
  }
}
