package dev.stowage.csd.command;

import static dev.stowage.csd.command.Wire.U16;
import static dev.stowage.csd.command.Wire.U32;
import static dev.stowage.csd.command.Wire.U64;

import java.lang.foreign.MemorySegment;

/** A completion's 16 bytes. */
public final class Completion {
  public static final int BYTES = 16;

  private Completion() {}

  public static void encode(MemorySegment to, int id, Status status, long result) {
    to.set(U64, 0, result);
    to.set(U16, 8, (short) id);
    to.set(U16, 10, (short) status.ordinal());
    to.set(U32, 12, 0);
  }

  public static Status status(MemorySegment from) {
    return Status.of(from.get(U16, 10) & 0xFFFF);
  }

  public static int id(MemorySegment from) {
    return from.get(U16, 8) & 0xFFFF;
  }

  public static long result(MemorySegment from) {
    return from.get(U64, 0);
  }
}
