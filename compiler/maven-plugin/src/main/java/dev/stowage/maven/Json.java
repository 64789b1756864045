package dev.stowage.maven;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON that the command line answers in, and that a ledger is kept in: objects as {@link Map},
 * arrays as {@link List}, else {@link String}, {@link Double}, {@link Boolean} or {@code null}.
 */
final class Json {
  private static final int DEEPEST = 100;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /**
   * Reads a text that is one value.
   *
   * @throws IllegalArgumentException if it is not
   */
  static Object read(String text) {
    var json = new Json(text);
    Object value = json.value(0);
    json.blanks();
    if (json.at < text.length()) {
      throw json.unexpected();
    }
    return value;
  }

  /** A value that has to be an object. */
  @SuppressWarnings("unchecked") // keys are strings, always
  static Map<String, Object> object(Object value) {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new IllegalArgumentException("not a JSON object: " + value);
  }

  /** A value that is an array, or missing. */
  static List<?> array(Object value) {
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return list;
    }
    throw new IllegalArgumentException("not a JSON array: " + value);
  }

  /** A text; empty where there is none. */
  static String text(Map<String, Object> object, String key) {
    return object.get(key) instanceof String text ? text : "";
  }

  static double number(Map<String, Object> object, String key) {
    return object.get(key) instanceof Double number ? number : 0;
  }

  private Object value(int depth) {
    blanks();
    if (at == text.length() || depth > DEEPEST) {
      throw unexpected();
    }
    switch (text.charAt(at)) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      default:
        return word();
    }
  }

  private Map<String, Object> object(int depth) {
    var object = new LinkedHashMap<String, Object>();
    at++;
    if (taken('}')) {
      return object;
    }
    do {
      blanks();
      String key = string();
      require(':');
      object.put(key, value(depth + 1));
    } while (taken(','));
    require('}');
    return object;
  }

  private List<Object> array(int depth) {
    var array = new ArrayList<>();
    at++;
    if (taken(']')) {
      return array;
    }
    do {
      array.add(value(depth + 1));
    } while (taken(','));
    require(']');
    return array;
  }

  private String string() {
    if (at == text.length() || text.charAt(at) != '"') {
      throw unexpected();
    }
    at++;
    var string = new StringBuilder();
    while (at < text.length() && text.charAt(at) != '"') {
      char c = text.charAt(at++);
      string.append(c == '\\' ? escaped() : c);
    }
    if (at == text.length()) {
      throw unexpected();
    }
    at++;
    return string.toString();
  }

  private char escaped() {
    if (at == text.length()) {
      throw unexpected();
    }
    char c = text.charAt(at++);
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'u':
        if (at + 4 > text.length()) {
          throw unexpected();
        }
        at += 4;
        return (char) Integer.parseInt(text.substring(at - 4, at), 16);
      default:
        return c;
    }
  }

  private Object word() {
    int from = at;
    while (at < text.length() && "+-.0123456789eEaflnrstu".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    String word = text.substring(from, at);
    switch (word) {
      case "null":
        return null;
      case "true":
        return true;
      case "false":
        return false;
      case "":
        throw unexpected();
      default:
        return Double.valueOf(word);
    }
  }

  private void blanks() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean taken(char c) {
    blanks();
    boolean here = at < text.length() && text.charAt(at) == c;
    at += here ? 1 : 0;
    return here;
  }

  private void require(char c) {
    if (!taken(c)) {
      throw unexpected();
    }
  }

  private IllegalArgumentException unexpected() {
    return new IllegalArgumentException("not JSON, at character " + at);
  }

  /** Writes maps, collections and texts, on one line. */
  static String write(Object value) {
    var out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> map) {
      String comma = "{";
      for (var entry : map.entrySet()) {
        out.append(comma);
        write(entry.getKey(), out);
        out.append(':');
        write(entry.getValue(), out);
        comma = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof Iterable<?> list) {
      String comma = "";
      out.append('[');
      for (var element : list) {
        out.append(comma);
        write(element, out);
        comma = ",";
      }
      out.append(']');
    } else {
      write(value.toString(), out);
    }
  }

  private static void write(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
