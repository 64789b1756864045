package dev.stowage.cli.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What operators do, in Python's sense. */
final class Operators {
  private static final int LONGEST_RANGE = 100_000;

  private Operators() {}

  static Object add(Object a, Object b) {
    if (a instanceof String x && b instanceof String y) {
      return join(x, y);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      Value.bounded((long) x.size() + y.size());
      var all = new ArrayList<Object>(x);
      all.addAll(y);
      return all;
    }
    return calculate('+', a, b);
  }

  static String join(String a, String b) {
    Value.bounded((long) a.length() + b.length());
    return a + b;
  }

  /**
   * @param operator {@code + - * / %}, or {@code d} for division that rounds down
   */
  static Object calculate(char operator, Object a, Object b) {
    try {
      if (a instanceof Double || b instanceof Double || operator == '/') {
        return real(operator, Value.asDouble(a), Value.asDouble(b));
      }
      return whole(operator, Value.asWhole(a), Value.asWhole(b));
    } catch (ArithmeticException e) {
      throw new TemplateException("a number is too large, or divided by zero");
    }
  }

  private static Object whole(char operator, long a, long b) {
    return switch (operator) {
      case '+' -> Math.addExact(a, b);
      case '-' -> Math.subtractExact(a, b);
      case '*' -> Math.multiplyExact(a, b);
      case 'd' -> Math.floorDivExact(a, b);
      case '%' -> Math.floorMod(a, b);
      default -> throw new IllegalArgumentException(String.valueOf(operator));
    };
  }

  private static Object real(char operator, double a, double b) {
    if (b == 0 && "/d%".indexOf(operator) >= 0) {
      throw new ArithmeticException();
    }
    return switch (operator) {
      case '+' -> a + b;
      case '-' -> a - b;
      case '*' -> a * b;
      case '/' -> a / b;
      case 'd' -> Math.floor(a / b);
      case '%' -> a - b * Math.floor(a / b);
      default -> throw new IllegalArgumentException(String.valueOf(operator));
    };
  }

  static int compare(Object a, Object b) {
    return a instanceof String x && b instanceof String y
        ? x.compareTo(y)
        : Double.compare(Value.asDouble(a), Value.asDouble(b));
  }

  static boolean contains(Object all, Object one) {
    return switch (all) {
      case String s -> s.contains(Value.asText(one));
      case Map<?, ?> map -> map.containsKey(one);
      case List<?> list -> list.stream().anyMatch(each -> Value.same(each, one));
      case null, default -> throw Value.wrong(all, "holds nothing");
    };
  }

  static Object field(Object of, String name) {
    return switch (of) {
      case Map<?, ?> map -> map.containsKey(name) ? map.get(name) : new Value.Undefined(name);
      case Parser.Namespace(var fields) ->
          fields.containsKey(name) ? fields.get(name) : new Value.Undefined(name);
      case Value.Undefined _ -> throw Value.wrong(of, "has no field " + name);
      case null, default -> new Value.Undefined(name);
    };
  }

  static Object element(Object of, Object key) {
    if (of instanceof Map<?, ?> || of instanceof Parser.Namespace || key instanceof String) {
      return of instanceof Map<?, ?> map && !(key instanceof String)
          ? map.containsKey(key) ? map.get(key) : new Value.Undefined(Value.text(key))
          : field(of, Value.asText(key));
    }
    var elements = Value.elements(of);
    long index = Value.asWhole(key);
    long place = index < 0 ? index + elements.size() : index;
    return place < 0 || place >= elements.size()
        ? new Value.Undefined("element " + index)
        : elements.get((int) place);
  }

  /** As {@code of[from:to:by]}; null where nothing is said. */
  static Object slice(Object of, Object from, Object to, Object by) {
    var elements = Value.elements(of);
    int size = elements.size();
    long step = by == null ? 1 : Value.asWhole(by);
    if (step == 0) {
      throw new TemplateException("a slice goes by 0");
    }
    long start = place(from, step > 0 ? 0 : size - 1, size, step);
    long end = to == null ? step > 0 ? size : -1 : place(to, 0, size, step);
    var part = new ArrayList<Object>();
    for (long i = start; step > 0 ? i < end : i > end; i += step) {
      part.add(elements.get((int) i));
    }
    return of instanceof String ? String.join("", part.stream().map(Value::text).toList()) : part;
  }

  private static long place(Object index, long otherwise, int size, long step) {
    if (index == null) {
      return otherwise;
    }
    long given = Value.asWhole(index);
    long place = given < 0 ? given + size : given;
    return step > 0 ? Math.clamp(place, 0, size) : Math.clamp(place, -1, size - 1);
  }

  static List<Object> range(List<Object> arguments) {
    if (arguments.isEmpty() || arguments.size() > 3) {
      throw new TemplateException("range takes 1 to 3 numbers");
    }
    long from = arguments.size() == 1 ? 0 : Value.asWhole(arguments.get(0));
    long to = Value.asWhole(arguments.get(arguments.size() == 1 ? 0 : 1));
    long by = arguments.size() == 3 ? Value.asWhole(arguments.get(2)) : 1;
    if (by == 0) {
      throw new TemplateException("range goes by 0");
    }
    var numbers = new ArrayList<Object>();
    for (long i = from; by > 0 ? i < to : i > to; i += by) {
      numbers.add(i);
      if (numbers.size() > LONGEST_RANGE) {
        throw new TemplateException("a range has more than %d numbers".formatted(LONGEST_RANGE));
      }
    }
    return numbers;
  }
}
