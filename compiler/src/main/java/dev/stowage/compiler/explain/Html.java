package dev.stowage.compiler.explain;

import dev.stowage.plan.text.Amount;
import java.util.ArrayDeque;
import java.util.Deque;

/** Writes well-formed markup: every text is escaped, every element is closed. */
final class Html {
  private final StringBuilder text = new StringBuilder("<!DOCTYPE html>\n");
  private final Deque<String> open = new ArrayDeque<>();

  /**
   * Opens an element.
   *
   * @param attributes names and values in turn
   */
  Html open(String tag, String... attributes) {
    tag(tag, attributes).append('>');
    open.push(tag);
    return this;
  }

  Html close() {
    text.append("</").append(open.pop()).append(">\n");
    return this;
  }

  /** An element with nothing but a text. */
  Html leaf(String tag, String content, String... attributes) {
    tag(tag, attributes).append('>');
    return text(content).end(tag);
  }

  /** An element with nothing in it. */
  Html empty(String tag, String... attributes) {
    tag(tag, attributes).append("/>\n");
    return this;
  }

  Html text(String content) {
    escape(content);
    return this;
  }

  /** An amount as people read it, with the exact one behind it. */
  Html amount(double value, String shown) {
    return leaf("data", shown, "value", exact(value));
  }

  static String exact(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  /** A part of the whole as a percentage of it, for an attribute. */
  static String percent(double part) {
    return Amount.format("%.3f%%", 100 * part);
  }

  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("still open: " + open);
    }
    return text.toString();
  }

  private StringBuilder tag(String tag, String... attributes) {
    text.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      text.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1]);
      text.append('"');
    }
    return text;
  }

  private Html end(String tag) {
    text.append("</").append(tag).append(">");
    return this;
  }

  /** Escapes; what no document may hold, or what would turn the reading direction, is replaced. */
  private void escape(String content) {
    content
        .codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '<' -> text.append("&lt;");
                case '>' -> text.append("&gt;");
                case '&' -> text.append("&amp;");
                case '"' -> text.append("&quot;");
                case '\'' -> text.append("&#39;");
                default -> text.appendCodePoint(allowed(c) ? c : 0xFFFD);
              }
            });
  }

  private static boolean allowed(int c) {
    boolean control = c < 0x20 && c != '\n' && c != '\t' || c >= 0x7F && c < 0xA0;
    boolean surrogate = c >= 0xD800 && c <= 0xDFFF;
    boolean direction = c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069;
    boolean nothing = (c & 0xFFFE) == 0xFFFE;
    return !control && !surrogate && !direction && !nothing;
  }
}
