package dev.stowage.csd.emulator;

import static dev.stowage.csd.command.Wire.U32;

import dev.stowage.csd.command.Address;
import dev.stowage.csd.command.Command;
import dev.stowage.csd.command.Completion;
import dev.stowage.csd.command.CsdStatistics;
import dev.stowage.csd.command.DriveIdentity;
import dev.stowage.csd.command.Opcode;
import dev.stowage.csd.command.RegionConfig;
import dev.stowage.csd.command.Status;
import dev.stowage.csd.flash.FlashException;
import dev.stowage.csd.flash.FlashImage;
import dev.stowage.csd.ftl.CapacityException;
import dev.stowage.csd.ftl.FlashTranslation;
import dev.stowage.csd.ftl.KvFlash;
import dev.stowage.plan.Sparsity;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Executes commands one after another, on one thread. Whatever a command holds, it is answered by a
 * completion and cannot damage what other commands stored. The steady state — APPEND, ATTEND and
 * RECLAIM — allocates nothing on the Java heap.
 */
public final class DriveEmulator implements AutoCloseable {
  private static final int REGIONS = 1 << 16;

  /** A configured region. */
  private record Region(RegionConfig config, KvFlash flash, AttentionEngine engine) {}

  private final FlashImage image;
  private final FlashTranslation translation;
  private final MemorySegment shared;
  private final long dramBytes;
  private final VirtualClock clock;
  private final Command command = new Command();
  private final Region[] regions = new Region[REGIONS];
  private long dramUsed;
  private long commands;
  private long bytesIn;
  private long bytesOut;
  private long sparsePages;
  private long sparsePagesDense;
  private long result;
  private String lastError = "";

  /**
   * Starts a drive; it then owns the image.
   *
   * @param dramBytes DRAM for token groups
   * @param shared memory that host and drive see
   */
  public DriveEmulator(FlashImage image, DriveTiming timing, long dramBytes, MemorySegment shared) {
    this.image = image;
    this.shared = shared;
    this.dramBytes = dramBytes;
    translation = new FlashTranslation(image);
    clock = new VirtualClock(timing, image);
  }

  /** Executes the command in 64 bytes and writes its completion's 16. */
  public void execute(MemorySegment from, MemorySegment completion) {
    result = 0;
    var status = command.decode(from);
    if (status == Status.OK) {
      status = executeDecoded();
    } else {
      lastError = status.meaning();
    }
    Completion.encode(completion, command.id(), status, result);
  }

  private Status executeDecoded() {
    try {
      var status = dataAreShared() ? dispatch() : Status.INVALID_DATA;
      if (status != Status.OK) {
        lastError = status.meaning();
      }
      return status;
    } catch (CapacityException e) {
      return failed(Status.CAPACITY_EXCEEDED, e);
    } catch (FlashException e) {
      return failed(Status.MEDIA_ERROR, e);
    } catch (RuntimeException | Error e) {
      return failed(Status.INTERNAL_ERROR, e);
    }
  }

  private Status failed(Status status, Throwable e) {
    lastError = e.getMessage() == null ? e.toString() : e.getMessage();
    return status;
  }

  private Status dispatch() {
    boolean hasFlag = command.opcode() == Opcode.RECLAIM || command.opcode() == Opcode.STATS;
    if (command.flags() > (hasFlag ? Command.FLAG : 0)) {
      return Status.INVALID_FIELD;
    }
    return switch (command.opcode()) {
      case IDENTIFY -> identify();
      case CONFIGURE -> configure();
      case APPEND -> counted(append());
      case ATTEND -> counted(attend());
      case RECLAIM -> counted(reclaim());
      case FLUSH -> counted(flush());
      case STATS -> statistics();
    };
  }

  private Status counted(Status status) {
    commands++;
    bytesIn += Command.BYTES + command.inLength();
    bytesOut += Completion.BYTES + command.outLength();
    return status;
  }

  private Status identify() {
    if (command.inLength() != 0 || command.outLength() != DriveIdentity.BYTES) {
      return Status.INVALID_DATA;
    }
    long flashBytes = (long) image.geometry().usablePages() * image.geometry().pageBytes();
    new DriveIdentity(image.geometry(), flashBytes, dramBytes, shared.byteSize())
        .encode(shared, command.outOffset());
    return Status.OK;
  }

  private Status configure() {
    if (command.inLength() != RegionConfig.BYTES || command.outLength() != 0) {
      return Status.INVALID_DATA;
    }
    if (regions[command.region()] != null) {
      return Status.INVALID_FIELD;
    }
    RegionConfig config;
    try {
      config = RegionConfig.decode(shared, command.inOffset());
    } catch (IllegalArgumentException e) {
      return failed(Status.INVALID_FIELD, e);
    }
    var shape = config.shape();
    long room = shared.byteSize() / RegionConfig.sharedBytes(shape, config.groupSize(), 1);
    if (config.rows() > room) {
      throw new CapacityException(
          "%d rows of a command do not fit the %d bytes of shared memory"
              .formatted(config.rows(), shared.byteSize()));
    }
    var flash =
        new KvFlash(
            command.region(),
            shape,
            translation,
            image.register(),
            image.geometry().channels(),
            image.geometry().pageBytes(),
            config.sparsity().map(Sparsity::channels).orElse(0),
            config.writeBack(),
            dramBytes - dramUsed);
    try {
      regions[command.region()] =
          new Region(config, flash, new AttentionEngine(config, flash, shared));
    } catch (ArithmeticException | OutOfMemoryError e) {
      flash.close();
      throw new CapacityException("a region of " + config + " is too large for this drive");
    }
    dramUsed += flash.dramBytes();
    result = flash.groups().tokens();
    return Status.OK;
  }

  private Status append() {
    var region = regions[command.region()];
    if (region == null) {
      return Status.NO_SUCH_REGION;
    }
    var config = region.config();
    int layer = Address.layer(command.address());
    if (command.count() > config.rows()
        || command.inLength() != command.count() * config.appendBytes()
        || command.outLength() != 0) {
      return Status.INVALID_DATA;
    }
    if (command.address() != Address.of(0, layer, 0, 0)) {
      return Status.INVALID_FIELD;
    }
    if (layer >= config.shape().layers()) {
      return Status.OUT_OF_RANGE;
    }
    var status = Status.OK;
    for (int row = 0; row < command.count() && status == Status.OK; row++) {
      status = appendRow(region, layer, command.inOffset() + row * config.appendBytes());
    }
    clock.appended(Command.BYTES + command.inLength(), Completion.BYTES);
    return status;
  }

  private Status appendRow(Region region, int layer, long at) {
    var shape = region.config().shape();
    int slot = shared.get(U32, at);
    int token = shared.get(U32, at + 4);
    if (slot < 0 || slot >= shape.slots() || token < 0 || token >= shape.tokens()) {
      return Status.OUT_OF_RANGE;
    }
    if (token != region.flash().length(slot, layer)) {
      return Status.OUT_OF_ORDER;
    }
    long values = at + 8 + (long) shape.heads() * shape.rowBytes();
    region.flash().append(slot, layer, shared, at + 8, values);
    result++;
    return Status.OK;
  }

  private Status attend() {
    var region = regions[command.region()];
    if (region == null) {
      return Status.NO_SUCH_REGION;
    }
    var config = region.config();
    int layer = Address.layer(command.address());
    if (command.count() > config.rows()
        || command.inLength() != command.count() * config.queryBytes()
        || command.outLength() != command.count() * config.partialBytes()
        || overlap()) {
      return Status.INVALID_DATA;
    }
    if (command.address() != Address.of(0, layer, 0, 0)) {
      return Status.INVALID_FIELD;
    }
    if (layer >= config.shape().layers()) {
      return Status.OUT_OF_RANGE;
    }
    for (int row = 0; row < command.count(); row++) {
      long at = command.inOffset() + row * config.queryBytes();
      int slot = shared.get(U32, at);
      int from = shared.get(U32, at + 4);
      int to = shared.get(U32, at + 8);
      int part = shared.get(U32, at + 12);
      if (part < 0 || part > 0 && (config.sparsity().isEmpty() || from != 0)) {
        return Status.INVALID_FIELD;
      }
      if (slot < 0 || slot >= config.shape().slots()) {
        return Status.OUT_OF_RANGE;
      }
      if (from < 0 || from > to || to > region.flash().length(slot, layer)) {
        return Status.OUT_OF_RANGE;
      }
      if (part > 0 && to != region.flash().length(slot, layer)) {
        return Status.OUT_OF_RANGE;
      }
    }
    var engine = region.engine();
    double engineBytes =
        engine.attend(layer, command.count(), command.inOffset(), command.outOffset());
    sparsePages += engine.sparsePages();
    sparsePagesDense += engine.sparsePagesDense();
    clock.attended(
        Command.BYTES + command.inLength(), Completion.BYTES + command.outLength(), engineBytes);
    return Status.OK;
  }

  private Status reclaim() {
    var region = regions[command.region()];
    if (region == null) {
      return Status.NO_SUCH_REGION;
    }
    if (command.inLength() != 0 || command.outLength() != 0) {
      return Status.INVALID_DATA;
    }
    int first = Address.slot(command.address());
    if (command.address() != Address.of(first, 0, 0, 0)) {
      return Status.INVALID_FIELD;
    }
    if (command.flags() == Command.FLAG) {
      dramUsed -= region.flash().dramBytes();
      region.flash().close();
      regions[command.region()] = null;
      return Status.OK;
    }
    if ((long) first + command.count() > region.config().shape().slots()) {
      return Status.OUT_OF_RANGE;
    }
    for (int slot = first; slot < first + command.count(); slot++) {
      region.flash().reclaim(slot);
    }
    return Status.OK;
  }

  private Status flush() {
    if (command.inLength() != 0 || command.outLength() != 0) {
      return Status.INVALID_DATA;
    }
    image.force();
    return Status.OK;
  }

  private Status statistics() {
    if (command.inLength() != 0) {
      return Status.INVALID_DATA;
    }
    if (command.flags() == Command.FLAG) {
      byte[] text = lastError.getBytes(StandardCharsets.UTF_8);
      result = Math.min(text.length, command.outLength());
      MemorySegment.copy(MemorySegment.ofArray(text), 0, shared, command.outOffset(), result);
      return Status.OK;
    }
    if (command.outLength() != CsdStatistics.BYTES) {
      return Status.INVALID_DATA;
    }
    long pagesRead = 0;
    long pagesProgrammed = 0;
    for (int c = 0; c < image.geometry().channels(); c++) {
      pagesRead += image.pagesRead(c);
      pagesProgrammed += image.pagesProgrammed(c);
    }
    long tailBytes = 0;
    for (var region : regions) {
      tailBytes += region == null ? 0 : region.flash().tailBytes();
    }
    new CsdStatistics(
            commands,
            bytesIn,
            bytesOut,
            pagesRead,
            pagesProgrammed,
            image.blocksErased(),
            translation.movedPages(),
            translation.validPages(),
            tailBytes,
            sparsePages,
            sparsePagesDense,
            clock.appendSeconds(),
            clock.attendSeconds())
        .encode(shared, command.outOffset());
    return Status.OK;
  }

  private boolean dataAreShared() {
    return isShared(command.inOffset(), command.inLength())
        && isShared(command.outOffset(), command.outLength());
  }

  private boolean isShared(long offset, long length) {
    return offset >= 0
        && length >= 0
        && length <= shared.byteSize()
        && offset <= shared.byteSize() - length;
  }

  private boolean overlap() {
    return command.inOffset() < command.outOffset() + command.outLength()
        && command.outOffset() < command.inOffset() + command.inLength();
  }

  /** Gives back the DRAM and deletes the image. */
  @Override
  public void close() {
    try (image) {
      for (var region : regions) {
        if (region != null) {
          region.flash().close();
        }
      }
      Arrays.fill(regions, null);
    }
  }
}
