package dev.stowage.csd;

import dev.stowage.csd.command.Command;
import dev.stowage.csd.command.Completion;
import dev.stowage.csd.command.CsdStatistics;
import dev.stowage.csd.command.DriveIdentity;
import dev.stowage.csd.command.Opcode;
import dev.stowage.csd.command.RegionConfig;
import dev.stowage.csd.command.Status;
import dev.stowage.csd.transport.DriveTransport;
import dev.stowage.runtime.device.DeviceException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The host's end of a drive: builds commands and turns a failed completion into a {@link
 * DeviceException} with the drive's own words. Whoever fills shared memory, submits and reads the
 * answer holds this object's monitor meanwhile.
 */
final class CsdDrive implements AutoCloseable {
  private static final int TEXT_BYTES = 1024;

  private final String device;
  private final DriveTransport transport;
  private final Command command = new Command();
  private final DriveIdentity identity;
  private int nextId;

  private CsdDrive(String device, DriveTransport transport) {
    this.device = device;
    this.transport = transport;
    submit(command(Opcode.IDENTIFY).out(0, DriveIdentity.BYTES), "identify");
    identity = DriveIdentity.decode(shared(), 0);
  }

  /** Meets the drive behind a transport, which belongs to it from now on. */
  static CsdDrive open(String device, DriveTransport transport) {
    try {
      return new CsdDrive(device, transport);
    } catch (RuntimeException | Error e) {
      transport.close();
      throw e;
    }
  }

  String device() {
    return device;
  }

  DriveIdentity identity() {
    return identity;
  }

  MemorySegment shared() {
    return transport.shared();
  }

  /** A new command, to be filled and submitted before the next. */
  Command command(Opcode opcode) {
    return command.of(opcode);
  }

  /**
   * Has the drive execute a command.
   *
   * @param operation named in the error
   * @throws DeviceException if the drive refuses or fails
   */
  void submit(Command filled, String operation) {
    var completion = send(filled);
    var status = Completion.status(completion);
    if (status != Status.OK) {
      throw new DeviceException(device, operation + ": " + explain(status));
    }
  }

  private MemorySegment send(Command filled) {
    nextId = nextId + 1 & 0xFFFF;
    filled.id(nextId).encode(transport.command());
    var completion = transport.submit();
    if (Completion.id(completion) != nextId) {
      throw new DeviceException(device, "the drive answered another command than it was given");
    }
    return completion;
  }

  private String explain(Status status) {
    long room = Math.min(TEXT_BYTES, shared().byteSize());
    var completion = send(command(Opcode.STATS).flags(Command.FLAG).out(0, room));
    int length = (int) Completion.result(completion);
    byte[] text = shared().asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    return switch (status) {
      case CAPACITY_EXCEEDED, MEDIA_ERROR, INTERNAL_ERROR ->
          status.meaning() + ": " + new String(text, StandardCharsets.UTF_8);
      case OK,
          INVALID_OPCODE,
          INVALID_VERSION,
          INVALID_FIELD,
          INVALID_DATA,
          NO_SUCH_REGION,
          OUT_OF_RANGE,
          OUT_OF_ORDER ->
          new String(text, StandardCharsets.UTF_8);
    };
  }

  synchronized void configure(int region, RegionConfig config, String operation) {
    config.encode(shared(), 0);
    submit(command(Opcode.CONFIGURE).region(region).in(0, RegionConfig.BYTES), operation);
  }

  synchronized CsdStatistics statistics() {
    submit(command(Opcode.STATS).out(0, CsdStatistics.BYTES), "statistics");
    return CsdStatistics.decode(shared(), 0);
  }

  /** Turns the drive off. */
  @Override
  public synchronized void close() {
    transport.close();
  }
}
