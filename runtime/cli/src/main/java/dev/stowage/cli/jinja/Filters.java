package dev.stowage.cli.jinja;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** What stands after {@code |}. */
final class Filters {
  private static final JsonMapper JSON = new JsonMapper();

  private Filters() {}

  static Object apply(String name, Object value, Parser.Arguments arguments) {
    return switch (name) {
      case "trim" -> strip(Value.text(value), arguments, true, true);
      case "upper" -> Value.text(value).toUpperCase(Locale.ROOT);
      case "lower" -> Value.text(value).toLowerCase(Locale.ROOT);
      case "capitalize" -> capitalize(Value.text(value));
      case "title" ->
          String.join(
              " ",
              Arrays.stream(Value.text(value).split(" ", -1)).map(Filters::capitalize).toList());
      case "replace" -> replace(Value.text(value), arguments);
      case "length", "count" -> Value.length(value);
      case "join" -> join(Value.elements(value), Value.text(arguments.get(0, "d", "")));
      case "default", "d" -> {
        boolean falseToo = Value.truth(arguments.get(1, "boolean", false));
        boolean keep = falseToo ? Value.truth(value) : !(value instanceof Value.Undefined);
        yield keep ? value : arguments.get(0, "default_value", "");
      }
      case "first" -> Operators.element(Value.elements(value), 0L);
      case "last" -> Operators.element(Value.elements(value), -1L);
      case "tojson" -> json(value, arguments);
      case "string", "safe" -> Value.text(value);
      case "list" -> Value.elements(value);
      case "int" -> whole(value);
      case "reverse" -> reverse(value);
      case "items" -> items(value);
      default -> throw new TemplateException("the filter '%s' is not known".formatted(name));
    };
  }

  /** Blanks, or the characters that are named, at a text's ends. */
  static String strip(String text, Parser.Arguments arguments, boolean start, boolean end) {
    var what = arguments.get(0, "chars", null);
    var characters = what == null ? null : Value.asText(what);
    int from = 0;
    int to = text.length();
    while (start && from < to && goes(text.charAt(from), characters)) {
      from++;
    }
    while (end && to > from && goes(text.charAt(to - 1), characters)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean goes(char c, String characters) {
    return characters == null ? Character.isWhitespace(c) : characters.indexOf(c) >= 0;
  }

  private static String capitalize(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT)
            + text.substring(1).toLowerCase(Locale.ROOT);
  }

  private static String replace(String text, Parser.Arguments arguments) {
    var old = Value.asText(arguments.get(0, "old", null));
    var now = Value.asText(arguments.get(1, "new", null));
    long found =
        old.isEmpty() ? text.length() + 1L : text.split(Pattern.quote(old), -1).length - 1L;
    Value.bounded(text.length() + found * now.length());
    return text.replace(old, now);
  }

  static String join(List<Object> parts, String between) {
    var text = new StringBuilder();
    for (int i = 0; i < parts.size(); i++) {
      text.append(i == 0 ? "" : between).append(Value.text(parts.get(i)));
      Value.bounded(text.length());
    }
    return text.toString();
  }

  static List<Object> items(Object value) {
    if (!(value instanceof Map<?, ?> map)) {
      throw Value.wrong(value, "has no items");
    }
    var items = new ArrayList<Object>();
    map.forEach((key, each) -> items.add(new ArrayList<>(Arrays.asList(key, each))));
    return items;
  }

  private static Object reverse(Object value) {
    if (value instanceof String text) {
      return new StringBuilder(text).reverse().toString();
    }
    var elements = Value.elements(value);
    Collections.reverse(elements);
    return elements;
  }

  private static Object whole(Object value) {
    return switch (value) {
      case Double n -> (long) (double) n;
      case String s ->
          s.strip().matches("-?[0-9]{1,18}") ? Long.valueOf(s.strip()) : Long.valueOf(0);
      case null, default -> Value.asWhole(value);
    };
  }

  private static String json(Object value, Parser.Arguments arguments) {
    try {
      plain(value, 0);
      var indent = arguments.get(0, "indent", null);
      var text =
          indent == null
              ? spaced(JSON.writeValueAsString(value))
              : JSON.writerWithDefaultPrettyPrinter().writeValueAsString(value);
      Value.bounded(text.length());
      return text;
    } catch (JsonProcessingException e) {
      throw new TemplateException("a value cannot be written as JSON");
    }
  }

  private static void plain(Object value, int depth) {
    Value.deep(depth);
    switch (value) {
      case Map<?, ?> map -> map.values().forEach(each -> plain(each, depth + 1));
      case Collection<?> list -> list.forEach(each -> plain(each, depth + 1));
      case String _, Long _, Double _, Boolean _ -> {}
      case null -> {}
      default -> throw Value.wrong(value, "cannot be written as JSON");
    }
  }

  /** Python writes a blank after commas and colons. */
  private static String spaced(String json) {
    var text = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < json.length(); i++) {
      char c = json.charAt(i);
      text.append(c);
      if (c == '\\') {
        text.append(json.charAt(++i));
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == ',' || c == ':')) {
        text.append(' ');
      }
    }
    return text.toString();
  }
}
