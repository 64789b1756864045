package dev.stowage.plan.text;

/**
 * A text is not a plan, or not a schedule. The message is one line for the user: where, what was
 * found and what was expected.
 */
public final class PlanFormatException extends Exception {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 400;

  private final int line;

  /**
   * @param line counted from 1; 0 if the text as a whole is meant
   */
  public PlanFormatException(int line, String problem) {
    super(oneLine(line > 0 ? "line " + line + ": " + problem : problem));
    this.line = line;
  }

  /** The same problem, said of a file. */
  PlanFormatException in(String file) {
    var said = new PlanFormatException(0, file + ": " + getMessage());
    said.initCause(this);
    return said;
  }

  /** The line, counted from 1; 0 if the text as a whole is meant. */
  public int line() {
    return line;
  }

  /** What was found comes from the text: no control characters, no endless words. */
  private static String oneLine(String message) {
    var line = new StringBuilder();
    message
        .codePoints()
        .limit(LONGEST)
        .map(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x2029 ? '?' : c)
        .forEach(line::appendCodePoint);
    return message.codePointCount(0, message.length()) > LONGEST
        ? line.append('…').toString()
        : line.toString();
  }
}
