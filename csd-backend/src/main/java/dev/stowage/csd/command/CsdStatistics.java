package dev.stowage.csd.command;

import static dev.stowage.csd.command.Wire.F64;
import static dev.stowage.csd.command.Wire.U64;

import java.lang.foreign.MemorySegment;

/**
 * What a drive did since it was opened. Bytes and counts are what the emulator really moved;
 * seconds are <em>simulated</em>: what a drive of the plan's rates would have taken, whatever the
 * emulator took. On the wire: 104 bytes, the fields in this order, {@code u64} and for seconds
 * {@code f64}.
 *
 * @param commands commands that append, attend, reclaim or flush
 * @param bytesIn bytes of those commands and their data, from host to drive
 * @param bytesOut bytes of their results, from drive to host
 * @param pagesRead flash pages read
 * @param pagesProgrammed flash pages programmed
 * @param blocksErased flash blocks erased
 * @param pagesMoved pages that garbage collection programmed again
 * @param pagesValid pages that hold data now
 * @param tailBytes keys and values that lie in the drive's DRAM now
 * @param sparsePages pages that sparse attention read, of those
 * @param sparsePagesDense pages that it would have read if it had read all tokens
 * @param simulatedAppendSeconds time of a real drive for appending
 * @param simulatedAttendSeconds likewise for attention
 */
public record CsdStatistics(
    long commands,
    long bytesIn,
    long bytesOut,
    long pagesRead,
    long pagesProgrammed,
    long blocksErased,
    long pagesMoved,
    long pagesValid,
    long tailBytes,
    long sparsePages,
    long sparsePagesDense,
    double simulatedAppendSeconds,
    double simulatedAttendSeconds) {
  public static final int BYTES = 104;

  /** Simulated time of both. */
  public double simulatedSeconds() {
    return simulatedAppendSeconds + simulatedAttendSeconds;
  }

  public void encode(MemorySegment to, long at) {
    to.set(U64, at, commands);
    to.set(U64, at + 8, bytesIn);
    to.set(U64, at + 16, bytesOut);
    to.set(U64, at + 24, pagesRead);
    to.set(U64, at + 32, pagesProgrammed);
    to.set(U64, at + 40, blocksErased);
    to.set(U64, at + 48, pagesMoved);
    to.set(U64, at + 56, pagesValid);
    to.set(U64, at + 64, tailBytes);
    to.set(U64, at + 72, sparsePages);
    to.set(U64, at + 80, sparsePagesDense);
    to.set(F64, at + 88, simulatedAppendSeconds);
    to.set(F64, at + 96, simulatedAttendSeconds);
  }

  public static CsdStatistics decode(MemorySegment from, long at) {
    return new CsdStatistics(
        from.get(U64, at),
        from.get(U64, at + 8),
        from.get(U64, at + 16),
        from.get(U64, at + 24),
        from.get(U64, at + 32),
        from.get(U64, at + 40),
        from.get(U64, at + 48),
        from.get(U64, at + 56),
        from.get(U64, at + 64),
        from.get(U64, at + 72),
        from.get(U64, at + 80),
        from.get(F64, at + 88),
        from.get(F64, at + 96));
  }
}
