package dev.stowage.runtime.storage;

/** A read from a file to a fixed place, made once and repeated. Used by one thread at a time. */
public interface Request {
  /** Bytes that somebody asked for. */
  long bytes();

  /**
   * Reads.
   *
   * @throws java.io.UncheckedIOException if the file ends early or fails; the message is one line
   *     for the user
   */
  void read();
}
