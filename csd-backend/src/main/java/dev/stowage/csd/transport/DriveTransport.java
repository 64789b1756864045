package dev.stowage.csd.transport;

import java.lang.foreign.MemorySegment;

/**
 * A way to a drive. One command is under way at a time; whoever uses a transport from several
 * threads takes turns.
 */
public interface DriveTransport extends AutoCloseable {
  /** The memory that host and drive see. */
  MemorySegment shared();

  /** The 64 bytes of the next command, for the host to fill. */
  MemorySegment command();

  /**
   * Hands the command to the drive and waits until it is done.
   *
   * @return the 16 bytes of its completion, valid until the next command
   * @throws IllegalStateException if the transport is closed
   */
  MemorySegment submit();

  /** Turns the drive off. */
  @Override
  void close();
}
