package dev.stowage.csd.command;

import static dev.stowage.csd.command.Wire.U16;
import static dev.stowage.csd.command.Wire.U32;
import static dev.stowage.csd.command.Wire.U64;
import static dev.stowage.csd.command.Wire.U8;

import java.lang.foreign.MemorySegment;

/**
 * A command: mutable, made once by each side and filled anew for every use. {@link #encode} and
 * {@link #decode} are inverse to each other for whatever {@link #decode} accepts.
 */
public final class Command {
  public static final int BYTES = 64;
  public static final int VERSION = 1;

  /** RECLAIM: the whole region and its configuration. STATS: the text of the last error. */
  public static final int FLAG = 1;

  private Opcode opcode = Opcode.IDENTIFY;
  private int id;
  private int region;
  private int flags;
  private long address;
  private int count;
  private long inOffset;
  private long inLength;
  private long outOffset;
  private long outLength;

  /** Starts a new command: everything but the opcode is zero. */
  public Command of(Opcode newOpcode) {
    opcode = newOpcode;
    id = 0;
    region = 0;
    flags = 0;
    address = 0;
    count = 0;
    inOffset = 0;
    inLength = 0;
    outOffset = 0;
    outLength = 0;
    return this;
  }

  public Command id(int newId) {
    id = newId & 0xFFFF;
    return this;
  }

  public Command region(int newRegion) {
    region = newRegion & 0xFFFF;
    return this;
  }

  public Command flags(int newFlags) {
    flags = newFlags & 0xFFFF;
    return this;
  }

  /** Sets the semantic address. */
  public Command address(int slot, int layer, int head, int token) {
    address = Address.of(slot, layer, head, token);
    return this;
  }

  public Command count(int newCount) {
    count = newCount;
    return this;
  }

  public Command in(long offset, long length) {
    inOffset = offset;
    inLength = length;
    return this;
  }

  public Command out(long offset, long length) {
    outOffset = offset;
    outLength = length;
    return this;
  }

  public Opcode opcode() {
    return opcode;
  }

  public int id() {
    return id;
  }

  public int region() {
    return region;
  }

  public int flags() {
    return flags;
  }

  public long address() {
    return address;
  }

  public int count() {
    return count;
  }

  public long inOffset() {
    return inOffset;
  }

  public long inLength() {
    return inLength;
  }

  public long outOffset() {
    return outOffset;
  }

  public long outLength() {
    return outLength;
  }

  /** Writes the command's bytes. */
  public void encode(MemorySegment to) {
    to.set(U8, 0, opcode.code());
    to.set(U8, 1, (byte) VERSION);
    to.set(U16, 2, (short) id);
    to.set(U16, 4, (short) region);
    to.set(U16, 6, (short) flags);
    to.set(U64, 8, address);
    to.set(U32, 16, count);
    to.set(U32, 20, 0);
    to.set(U64, 24, inOffset);
    to.set(U64, 32, inLength);
    to.set(U64, 40, outOffset);
    to.set(U64, 48, outLength);
    to.set(U64, 56, 0);
  }

  /** Reads a command from any 64 bytes. The id is read even where the rest is refused. */
  public Status decode(MemorySegment from) {
    of(Opcode.IDENTIFY).id(from.get(U16, 2));
    if (from.get(U8, 1) != VERSION) {
      return Status.INVALID_VERSION;
    }
    var code = Opcode.of(from.get(U8, 0));
    if (code == null) {
      return Status.INVALID_OPCODE;
    }
    if (from.get(U32, 20) != 0 || from.get(U64, 56) != 0 || from.get(U32, 16) < 0) {
      return Status.INVALID_FIELD;
    }
    opcode = code;
    region(from.get(U16, 4)).flags(from.get(U16, 6)).count(from.get(U32, 16));
    address = from.get(U64, 8);
    in(from.get(U64, 24), from.get(U64, 32)).out(from.get(U64, 40), from.get(U64, 48));
    return Status.OK;
  }
}
