package dev.stowage.plan.model;

/**
 * A file of a model is missing, broken or says what Stowage cannot carry out. The message is one
 * line for the user: the file, the place in it, and what is wrong.
 */
public final class ModelFormatException extends Exception {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 600;

  public ModelFormatException(String message) {
    super(oneLine(message));
  }

  public ModelFormatException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  /** Names come from untrusted files: no control characters, no endless text. */
  private static String oneLine(String message) {
    var line = new StringBuilder();
    message
        .codePoints()
        .limit(LONGEST)
        .map(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x2029 ? '?' : c)
        .forEach(line::appendCodePoint);
    return line.length() < message.length() ? line.append('…').toString() : line.toString();
  }
}
