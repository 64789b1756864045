package dev.stowage.cli.jinja;

import java.util.ArrayList;
import java.util.List;

/** Cuts a template into texts, and tags into tokens. */
final class Lexer {
  private static final int MOST_TOKENS = 100_000;
  private static final List<String> SIGNS =
      List.of(
          "==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")",
          "[", "]", "{", "}", ",", ":", ".", "|");

  /** A piece of a template. */
  sealed interface Piece {
    /** Written as it is. */
    record Text(String text) implements Piece {}

    /** {@code {{ … }}}. */
    record Output(List<Token> tokens) implements Piece {}

    /** {@code {% … %}}. */
    record Block(List<Token> tokens) implements Piece {}
  }

  /** A word of a tag. */
  sealed interface Token {
    record Name(String name) implements Token {}

    record Sign(String sign) implements Token {}

    record Literal(Object value) implements Token {}
  }

  private final String text;
  private final List<Piece> pieces = new ArrayList<>();
  private int at;
  private int tokens;

  private Lexer(String text) {
    this.text = text;
  }

  static List<Piece> cut(String text) {
    var lexer = new Lexer(text.replace("\r\n", "\n"));
    lexer.cut();
    return lexer.pieces;
  }

  private void cut() {
    boolean stripNext = false;
    boolean afterBlock = false;
    while (true) {
      int tag = nextTag();
      var before = text.substring(at, tag);
      if (stripNext) {
        before = before.stripLeading();
      } else if (afterBlock && before.startsWith("\n")) {
        before = before.substring(1); // trim_blocks
      }
      if (tag == text.length()) {
        add(before.endsWith("\n") ? before.substring(0, before.length() - 1) : before);
        return;
      }
      char kind = text.charAt(tag + 1);
      at = tag + 2;
      if (at < text.length() && text.charAt(at) == '-') {
        at++;
        before = before.stripTrailing();
      } else if (at < text.length() && text.charAt(at) == '+') {
        at++;
      } else if (kind != '{') {
        before = withoutIndent(before, tag); // lstrip_blocks
      }
      add(before);
      String close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
      if (kind == '#') {
        int end = text.indexOf(close, at);
        if (end < 0) {
          throw new TemplateException("a comment does not end");
        }
        stripNext = end > at && text.charAt(end - 1) == '-';
        at = end + 2;
      } else {
        var words = words(close);
        stripNext = text.charAt(at - 3) == '-';
        pieces.add(kind == '{' ? new Piece.Output(words) : new Piece.Block(words));
      }
      afterBlock = kind != '{';
    }
  }

  /** Drops blanks between the beginning of a line and a tag. */
  private String withoutIndent(String before, int tag) {
    int line = text.lastIndexOf('\n', tag - 1) + 1;
    boolean alone = text.substring(line, tag).isBlank();
    return alone ? before.substring(0, Math.max(0, before.length() - (tag - line))) : before;
  }

  private void add(String before) {
    if (!before.isEmpty()) {
      pieces.add(new Piece.Text(before));
    }
  }

  private int nextTag() {
    for (int i = text.indexOf('{', at);
        i >= 0 && i + 1 < text.length();
        i = text.indexOf('{', i + 1)) {
      char next = text.charAt(i + 1);
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return text.length();
  }

  /** The words of a tag, up to and past its end. */
  private List<Token> words(String close) {
    var words = new ArrayList<Token>();
    int depth = 0;
    while (true) {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
      if (at >= text.length() || ++tokens > MOST_TOKENS) {
        throw new TemplateException("a tag does not end, or has too many words");
      }
      if (depth == 0 && text.startsWith(close, at)) {
        at += 2;
        return words;
      }
      if (depth == 0 && text.charAt(at) == '-' && text.startsWith(close, at + 1)) {
        at += 3;
        return words;
      }
      char c = text.charAt(at);
      if (c == '"' || c == '\'') {
        words.add(new Token.Literal(quoted(c)));
      } else if (c >= '0' && c <= '9') {
        words.add(new Token.Literal(number()));
      } else if (Character.isLetter(c) || c == '_') {
        int from = at;
        while (at < text.length()
            && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_')) {
          at++;
        }
        words.add(new Token.Name(text.substring(from, at)));
      } else {
        var sign = SIGNS.stream().filter(s -> text.startsWith(s, at)).findFirst();
        if (sign.isEmpty()) {
          throw new TemplateException("there is no word that begins with '%s'".formatted(c));
        }
        at += sign.get().length();
        depth += "([{".contains(sign.get()) ? 1 : ")]}".contains(sign.get()) ? -1 : 0;
        words.add(new Token.Sign(sign.get()));
      }
    }
  }

  private String quoted(char quote) {
    var value = new StringBuilder();
    for (at++; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == quote) {
        at++;
        return value.toString();
      }
      if (c == '\\' && at + 1 < text.length()) {
        at++;
        switch (text.charAt(at)) {
          case 'n' -> value.append('\n');
          case 't' -> value.append('\t');
          case 'r' -> value.append('\r');
          case '\\', '\'', '"' -> value.append(text.charAt(at));
          default -> value.append('\\').append(text.charAt(at));
        }
      } else {
        value.append(c);
      }
    }
    throw new TemplateException("a text in quotes does not end");
  }

  private Object number() {
    int from = at;
    boolean fraction = false;
    while (at < text.length()) {
      char c = text.charAt(at);
      boolean point =
          c == '.' && !fraction && at + 1 < text.length() && Character.isDigit(text.charAt(at + 1));
      if (!point && !(c >= '0' && c <= '9')) {
        break;
      }
      fraction |= point;
      at++;
    }
    var digits = text.substring(from, at);
    if (fraction) {
      return Double.valueOf(digits);
    }
    if (digits.length() > 18) {
      throw new TemplateException("a number has more than 18 digits");
    }
    return Long.valueOf(digits);
  }
}
