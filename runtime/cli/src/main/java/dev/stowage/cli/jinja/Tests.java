package dev.stowage.cli.jinja;

import java.util.List;
import java.util.Map;

/** What stands after {@code is}. */
final class Tests {
  private Tests() {}

  static boolean test(String name, Object value, List<Object> arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Value.Undefined);
      case "undefined" -> value instanceof Value.Undefined;
      case "none" -> value == null;
      case "string" -> value instanceof String;
      case "number" -> Value.number(value);
      case "integer" -> value instanceof Long;
      case "boolean" -> value instanceof Boolean;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "mapping" -> value instanceof Map<?, ?>;
      case "iterable", "sequence" ->
          value instanceof List<?> || value instanceof Map<?, ?> || value instanceof String;
      case "even" -> Value.asWhole(value) % 2 == 0;
      case "odd" -> Value.asWhole(value) % 2 != 0;
      case "equalto", "eq" -> Value.same(value, only(name, arguments));
      case "in" -> Operators.contains(only(name, arguments), value);
      default -> throw new TemplateException("the test '%s' is not known".formatted(name));
    };
  }

  private static Object only(String name, List<Object> arguments) {
    if (arguments.size() != 1) {
      throw new TemplateException("the test '%s' needs one value".formatted(name));
    }
    return arguments.getFirst();
  }
}
