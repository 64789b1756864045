package dev.stowage.compiler.migrate;

/** What cannot be taken from, or said in, another tool's words; the message is one line. */
public final class ImportException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ImportException(String message) {
    super(Flags.printable(message));
  }
}
