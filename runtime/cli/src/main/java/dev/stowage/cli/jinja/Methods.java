package dev.stowage.cli.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Methods that Python's texts and dictionaries have. */
final class Methods {
  private Methods() {}

  static Object call(Object of, String name, Parser.Arguments arguments) {
    return switch (of) {
      case String text -> ofText(text, name, arguments);
      case Map<?, ?> map -> ofMap(map, name, arguments);
      case null, default -> throw Value.wrong(of, "has no method " + name);
    };
  }

  private static Object ofText(String text, String name, Parser.Arguments arguments) {
    return switch (name) {
      case "strip" -> Filters.strip(text, arguments, true, true);
      case "lstrip" -> Filters.strip(text, arguments, true, false);
      case "rstrip" -> Filters.strip(text, arguments, false, true);
      case "upper", "lower", "title", "capitalize", "replace" ->
          Filters.apply(name, text, arguments);
      case "startswith" -> text.startsWith(Value.asText(arguments.get(0, "", "")));
      case "endswith" -> text.endsWith(Value.asText(arguments.get(0, "", "")));
      case "find" -> (long) text.indexOf(Value.asText(arguments.get(0, "", "")));
      case "split" -> split(text, arguments);
      case "join" -> Filters.join(Value.elements(arguments.get(0, "", List.of())), text);
      default -> throw new TemplateException("a text has no method '%s'".formatted(name));
    };
  }

  private static List<Object> split(String text, Parser.Arguments arguments) {
    var parts = new ArrayList<Object>();
    if (arguments.get(0, "sep", null) == null) {
      for (var part : text.strip().split("\\s+")) {
        if (!part.isEmpty()) {
          parts.add(part);
        }
      }
      return parts;
    }
    var between = Value.asText(arguments.get(0, "sep", null));
    long most = Value.asWhole(arguments.get(1, "maxsplit", -1L));
    if (between.isEmpty()) {
      throw new TemplateException("a text is split at nothing");
    }
    int from = 0;
    for (int at = text.indexOf(between);
        at >= 0 && (most < 0 || parts.size() < most);
        at = text.indexOf(between, from)) {
      parts.add(text.substring(from, at));
      from = at + between.length();
    }
    parts.add(text.substring(from));
    return parts;
  }

  private static Object ofMap(Map<?, ?> map, String name, Parser.Arguments arguments) {
    return switch (name) {
      case "get" -> {
        var key = arguments.get(0, "key", null);
        yield map.containsKey(key) ? map.get(key) : arguments.get(1, "default", null);
      }
      case "items" -> Filters.items(map);
      case "keys" -> new ArrayList<Object>(map.keySet());
      case "values" -> new ArrayList<Object>(map.values());
      default -> throw new TemplateException("a dictionary has no method '%s'".formatted(name));
    };
  }
}
