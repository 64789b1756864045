package dev.stowage.cli.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What values are, in Python's sense: {@code String}, {@code Long}, {@code Double}, {@code
 * Boolean}, {@code List}, {@code Map}, null for none, and {@link Undefined}.
 */
final class Value {
  private static final int LONGEST = 16 << 20;
  private static final int DEEPEST = 64;

  private Value() {}

  /** What a name stands for that stands for nothing: no text, and not true. */
  record Undefined(String name) {}

  /** Refuses texts and lists beyond all reason. */
  static void bounded(long length) {
    if (length > LONGEST) {
      throw new TemplateException("the template makes more than %d characters".formatted(LONGEST));
    }
  }

  static boolean truth(Object value) {
    return switch (value) {
      case null -> false;
      case Undefined _ -> false;
      case Boolean b -> b;
      case Long n -> n != 0;
      case Double n -> n != 0;
      case String s -> !s.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> true;
    };
  }

  static String text(Object value) {
    return switch (value) {
      case null -> "None";
      case Undefined _ -> "";
      case Boolean b -> b ? "True" : "False";
      case String s -> s;
      case List<?> _, Map<?, ?> _ -> {
        var text = new StringBuilder();
        inside(value, text, 0);
        yield text.toString();
      }
      default -> value.toString();
    };
  }

  /** As Python shows a value inside a list or dictionary. */
  private static void inside(Object value, StringBuilder text, int depth) {
    deep(depth);
    bounded(text.length());
    switch (value) {
      case String s ->
          text.append('\'').append(s.replace("\\", "\\\\").replace("'", "\\'")).append('\'');
      case List<?> list -> {
        text.append('[');
        var comma = "";
        for (var each : list) {
          text.append(comma);
          inside(each, text, depth + 1);
          comma = ", ";
        }
        text.append(']');
      }
      case Map<?, ?> map -> {
        text.append('{');
        var comma = "";
        for (var each : map.entrySet()) {
          text.append(comma);
          inside(each.getKey(), text, depth + 1);
          text.append(": ");
          inside(each.getValue(), text, depth + 1);
          comma = ", ";
        }
        text.append('}');
      }
      case null, default -> text.append(text(value));
    }
  }

  /** Refuses a list that holds itself, and the like. */
  static void deep(int depth) {
    if (depth > DEEPEST) {
      throw new TemplateException("the template nests lists too deeply");
    }
  }

  static boolean same(Object a, Object b) {
    if (number(a) && number(b)) {
      return asDouble(a) == asDouble(b);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      return x.size() == y.size() && allSame(x, y);
    }
    return !(a instanceof Undefined) && !(b instanceof Undefined) && Objects.equals(a, b);
  }

  private static boolean allSame(List<?> x, List<?> y) {
    for (int i = 0; i < x.size(); i++) {
      if (!same(x.get(i), y.get(i))) {
        return false;
      }
    }
    return true;
  }

  static boolean number(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  static double asDouble(Object value) {
    return switch (value) {
      case Long n -> n;
      case Double n -> n;
      case Boolean b -> b ? 1 : 0;
      case null, default -> throw wrong(value, "is not a number");
    };
  }

  static long asWhole(Object value) {
    return switch (value) {
      case Long n -> n;
      case Boolean b -> b ? 1 : 0;
      case null, default -> throw wrong(value, "is not a whole number");
    };
  }

  static String asText(Object value) {
    if (value instanceof String s) {
      return s;
    }
    throw wrong(value, "is not a text");
  }

  /** What a loop goes over: characters of a text, elements, keys. */
  static List<Object> elements(Object value) {
    return switch (value) {
      case List<?> list -> new ArrayList<>(list);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case String s -> new ArrayList<>(s.codePoints().mapToObj(Character::toString).toList());
      case null, default -> throw wrong(value, "cannot be gone over");
    };
  }

  static long length(Object value) {
    return switch (value) {
      case String s -> s.codePointCount(0, s.length());
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case null, default -> throw wrong(value, "has no length");
    };
  }

  static TemplateException wrong(Object value, String what) {
    var name =
        switch (value) {
          case Undefined(var variable) -> "'" + variable + "' is undefined and";
          case null -> "none";
          case String _ -> "a text";
          case List<?> _ -> "a list";
          case Map<?, ?> _ -> "a dictionary";
          case Boolean _ -> "a truth value";
          default -> "a number";
        };
    return new TemplateException(name + " " + what);
  }
}
