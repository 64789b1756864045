package dev.stowage.plan.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** An object of a JSON file with its keys' types checked; a key that is null counts as absent. */
record Config(Path file, String within, JsonNode node) {
  static Config of(Path file, JsonNode root) {
    return new Config(file, "", root);
  }

  boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** Whether the key is written, be it as null. */
  boolean mentions(String key) {
    return node.has(key);
  }

  int integer(String key) throws ModelFormatException {
    return optionalInteger(key).orElseThrow(() -> wrong(key, "is missing"));
  }

  int integer(String key, int otherwise) throws ModelFormatException {
    return optionalInteger(key).orElse(otherwise);
  }

  Optional<Integer> optionalInteger(String key) throws ModelFormatException {
    if (!has(key)) {
      return Optional.empty();
    }
    var value = node.get(key);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
      throw wrong(key, "is no natural number");
    }
    return Optional.of(value.intValue());
  }

  /** A positive, finite number. */
  double number(String key) throws ModelFormatException {
    if (!has(key)) {
      throw wrong(key, "is missing");
    }
    var value = node.get(key);
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(number > 0) || Double.isInfinite(number)) {
      throw wrong(key, "is no positive number");
    }
    return number;
  }

  double number(String key, double otherwise) throws ModelFormatException {
    return has(key) ? number(key) : otherwise;
  }

  boolean flag(String key, boolean otherwise) throws ModelFormatException {
    if (!has(key)) {
      return otherwise;
    }
    if (!node.get(key).isBoolean()) {
      throw wrong(key, "is neither true nor false");
    }
    return node.get(key).booleanValue();
  }

  String text(String key, String otherwise) throws ModelFormatException {
    if (!has(key)) {
      return otherwise;
    }
    if (!node.get(key).isTextual()) {
      throw wrong(key, "is no text");
    }
    return node.get(key).textValue();
  }

  Optional<Config> object(String key) throws ModelFormatException {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!node.get(key).isObject()) {
      throw wrong(key, "is no object");
    }
    return Optional.of(new Config(file, within + key + ".", node.get(key)));
  }

  List<String> texts(String key) throws ModelFormatException {
    var texts = new ArrayList<String>();
    if (has(key)) {
      if (!node.get(key).isArray()) {
        throw wrong(key, "is no list");
      }
      for (var element : node.get(key)) {
        if (!element.isTextual()) {
          throw wrong(key, "holds something that is no text");
        }
        texts.add(element.textValue());
      }
    }
    return texts;
  }

  /** A token id or a list of them; empty where absent. */
  List<Integer> tokens(String key) throws ModelFormatException {
    var tokens = new ArrayList<Integer>();
    if (has(key)) {
      var value = node.get(key);
      for (var id : value.isArray() ? value : List.of(value)) {
        if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
          throw wrong(key, "is neither a token id nor a list of them");
        }
        tokens.add(id.intValue());
      }
    }
    return tokens;
  }

  ModelFormatException wrong(String key, String what) {
    return new ModelFormatException(
        "%s: %s%s %s%s"
            .formatted(file, within, key, what, has(key) ? " (" + shown(node.get(key)) + ")" : ""));
  }

  private static String shown(JsonNode value) {
    String text = value.toString();
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }
}
