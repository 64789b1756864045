package dev.stowage.plan.text;

import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** Walks over a text statement by statement, and over a statement word by word. */
final class TextReader {
  private static final int MOST_LINES = 1 << 21;
  private static final Pattern INTEGER = Pattern.compile("-?[0-9]{1,19}");
  private static final Pattern DOUBLE =
      Pattern.compile("NaN|-?Infinity|-?[0-9]{1,40}(\\.[0-9]{1,40})?(E-?[0-9]{1,4})?");

  private record Word(String text, boolean quoted) {
    boolean is(String keyword) {
      return !quoted && text.equals(keyword);
    }

    String shown() {
      return quoted ? TextWriter.quoted(text) : "'" + text + "'";
    }
  }

  private final String text;
  private int next; // first character of the line after the statement
  private int line;
  private List<Word> words = List.of();
  private int at;

  TextReader(String text) {
    this.text = text;
  }

  // -- statements

  /** Goes to the next statement, or fails because the text ends before the one expected. */
  void statement(String expected) throws PlanFormatException {
    if (!advance()) {
      line++;
      throw new PlanFormatException(line, "expected " + expected + ", found the end of the text");
    }
  }

  /** Goes to the next statement, which begins with that keyword. */
  void statementOf(String keyword) throws PlanFormatException {
    statement("'" + keyword + "'");
    keyword(keyword);
  }

  /**
   * Goes to the next statement of a block; false, past the block, where it is {@code end}.
   *
   * @param expected what the block holds, in a message's words
   */
  boolean inBlock(String expected) throws PlanFormatException {
    statement(expected + " or 'end'");
    if (words.getFirst().is("end")) {
      at = 1;
      endOfStatement();
      return false;
    }
    return true;
  }

  /** The block ends here. */
  void endOfBlock() throws PlanFormatException {
    statementOf("end");
    endOfStatement();
  }

  /** No more statements. */
  void endOfText() throws PlanFormatException {
    if (advance()) {
      throw found("the end of the text");
    }
  }

  /** No more words in this statement. */
  void endOfStatement() throws PlanFormatException {
    if (at < words.size()) {
      throw found("the end of the line");
    }
  }

  private boolean advance() throws PlanFormatException {
    do {
      if (next >= text.length()) {
        return false;
      }
      int end = text.indexOf('\n', next);
      end = end < 0 ? text.length() : end;
      if (++line > MOST_LINES) {
        throw fail("more than %d lines".formatted(MOST_LINES));
      }
      if (end - next > TextWriter.LONGEST_LINE) {
        throw fail(
            "a line of %d characters, expected at most %d"
                .formatted(end - next, TextWriter.LONGEST_LINE));
      }
      words = words(text.substring(next, end));
      next = end + 1;
    } while (words.isEmpty());
    at = 0;
    return true;
  }

  private List<Word> words(String line) throws PlanFormatException {
    var words = new ArrayList<Word>();
    int i = 0;
    while (i < line.length()) {
      char c = line.charAt(i);
      if (c == ' ') {
        i++;
      } else if (c == '"') {
        var string = new StringBuilder();
        i = string(line, i + 1, string);
        words.add(new Word(string.toString(), true));
        if (i < line.length() && line.charAt(i) != ' ') {
          throw fail("expected a blank after " + words.getLast().shown());
        }
      } else {
        int end = i;
        while (end < line.length() && line.charAt(end) != ' ' && line.charAt(end) != '"') {
          end++;
        }
        words.add(new Word(line.substring(i, end), false));
        if (end < line.length() && line.charAt(end) == '"') {
          throw fail("expected a blank after " + words.getLast().shown());
        }
        i = end;
      }
    }
    return words;
  }

  /** Reads on from behind the opening quote; returns where the line goes on. */
  private int string(String line, int from, StringBuilder into) throws PlanFormatException {
    int i = from;
    while (i < line.length()) {
      char c = line.charAt(i++);
      switch (c) {
        case '"' -> {
          return i;
        }
        case '\\' -> i = escape(line, i, into);
        default -> into.append(c);
      }
    }
    throw fail("a string that does not end, expected '\"'");
  }

  private int escape(String line, int i, StringBuilder into) throws PlanFormatException {
    char c = i < line.length() ? line.charAt(i) : ' ';
    if (c == '"' || c == '\\') {
      into.append(c);
      return i + 1;
    }
    if (c == 'u' && i + 5 <= line.length()) {
      var hex = line.substring(i + 1, i + 5);
      if (hex.matches("[0-9a-f]{4}")) {
        into.append((char) Integer.parseInt(hex, 16));
        return i + 5;
      }
    }
    throw fail("found a backslash before '%s', expected \\\", \\\\ or \\uXXXX".formatted(c));
  }

  // -- words

  int line() {
    return line;
  }

  boolean hasMore() {
    return at < words.size();
  }

  /** Whether the next word is that keyword; if so, it is passed. */
  boolean passes(String keyword) {
    if (at < words.size() && words.get(at).is(keyword)) {
      at++;
      return true;
    }
    return false;
  }

  void keyword(String keyword) throws PlanFormatException {
    if (!passes(keyword)) {
      throw found("'" + keyword + "'");
    }
  }

  /** A word that is a keyword among others. */
  String word(String expected) throws PlanFormatException {
    if (at == words.size() || words.get(at).quoted()) {
      throw found(expected);
    }
    return words.get(at++).text();
  }

  /** A name, quoted or not. */
  String name(String expected) throws PlanFormatException {
    if (at == words.size()
        || !words.get(at).quoted() && !TextWriter.BARE.matcher(words.get(at).text()).matches()) {
      throw found(expected);
    }
    return words.get(at++).text();
  }

  String string(String expected) throws PlanFormatException {
    if (at == words.size() || !words.get(at).quoted()) {
      throw found(expected + " in double quotes");
    }
    return words.get(at++).text();
  }

  int integer(String expected) throws PlanFormatException {
    long value = longInteger(expected);
    if (value != (int) value) {
      at--;
      throw found(expected + " of at most " + Integer.MAX_VALUE);
    }
    return (int) value;
  }

  long longInteger(String expected) throws PlanFormatException {
    if (at == words.size()
        || words.get(at).quoted()
        || !INTEGER.matcher(words.get(at).text()).matches()) {
      throw found(expected);
    }
    try {
      long value = Long.parseLong(words.get(at).text());
      at++;
      return value;
    } catch (NumberFormatException e) {
      throw found(expected + " of at most " + Long.MAX_VALUE);
    }
  }

  double number(String expected) throws PlanFormatException {
    if (at == words.size()
        || words.get(at).quoted()
        || !DOUBLE.matcher(words.get(at).text()).matches()) {
      throw found(expected);
    }
    return Double.parseDouble(words.get(at++).text());
  }

  boolean yesNo() throws PlanFormatException {
    if (passes("yes")) {
      return true;
    }
    if (passes("no")) {
      return false;
    }
    throw found("'yes' or 'no'");
  }

  /** {@code from..to}. */
  Range range(String expected) throws PlanFormatException {
    var word = at < words.size() && !words.get(at).quoted() ? words.get(at).text() : "";
    int dots = word.indexOf("..");
    if (dots < 0
        || !INTEGER.matcher(word.substring(0, dots)).matches()
        || !INTEGER.matcher(word.substring(dots + 2)).matches()) {
      throw found("a range of " + expected + " such as 0..12");
    }
    try {
      var range =
          new Range(
              Integer.parseInt(word.substring(0, dots)),
              Integer.parseInt(word.substring(dots + 2)));
      at++;
      return range;
    } catch (IllegalArgumentException e) {
      throw found("a range of " + expected + " that runs upward within 0.." + Integer.MAX_VALUE);
    }
  }

  /** A number of the text, as {@code keyword value}. */
  int integerOf(String keyword) throws PlanFormatException {
    keyword(keyword);
    return integer("a whole number");
  }

  /** What the words at hand make, where the value's own rules are told as a problem of its line. */
  <T> T valid(Supplier<T> maker) throws PlanFormatException {
    try {
      return maker.get();
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw fail(e.getMessage());
    }
  }

  /** What stands at hand is not what was expected. */
  PlanFormatException found(String expected) {
    return fail(
        "expected %s, found %s"
            .formatted(
                expected, at < words.size() ? words.get(at).shown() : "the end of the line"));
  }

  /** The word before is not what was expected. */
  PlanFormatException foundBefore(String expected) {
    at--;
    return found(expected);
  }

  PlanFormatException fail(String problem) {
    return new PlanFormatException(line, problem);
  }
}
