package dev.stowage.plan.text;

import java.util.regex.Pattern;

/** Collects the lines of a plan's text. */
final class TextWriter {
  /** Longest line that is written and read. */
  static final int LONGEST_LINE = 1 << 16;

  /** Names that need no quotes. */
  static final Pattern BARE = Pattern.compile("[A-Za-z_][A-Za-z0-9_.\\[\\]-]*");

  /** The one keyword that follows a list of names, so a name that reads like it takes quotes. */
  static final String AFTER_LIST = "writes";

  private final StringBuilder text = new StringBuilder();
  private int depth;

  /** A statement; words are joined by blanks. */
  void line(Object... words) {
    int from = text.length();
    text.append("  ".repeat(depth));
    for (int i = 0; i < words.length; i++) {
      text.append(i == 0 ? "" : " ").append(words[i]);
    }
    if (text.length() - from > LONGEST_LINE) {
      throw new IllegalArgumentException(
          "a line of %d characters is too long for a plan's text".formatted(text.length() - from));
    }
    text.append('\n');
  }

  /** A statement that opens a block. */
  void open(Object... words) {
    line(words);
    depth++;
  }

  /** Closes the block opened last. */
  void end() {
    depth--;
    line("end");
  }

  String text() {
    return text.toString();
  }

  static String name(String name) {
    return BARE.matcher(name).matches() && !name.equals(AFTER_LIST) ? name : quoted(name);
  }

  static String yesNo(boolean value) {
    return value ? "yes" : "no";
  }

  /** In double quotes, with {@code \" \\} and, for what does not print, {@code \}{@code uXXXX}. */
  static String quoted(String string) {
    var out = new StringBuilder("\"");
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (Character.isHighSurrogate(c)
          && i + 1 < string.length()
          && Character.isLowSurrogate(string.charAt(i + 1))) {
        out.append(c).append(string.charAt(++i));
      } else if (c != ' ' && (Character.isISOControl(c) || isBlankOrBroken(c))) {
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  private static boolean isBlankOrBroken(char c) {
    return Character.isSurrogate(c) || Character.isSpaceChar(c) || Character.isWhitespace(c);
  }
}
