package dev.stowage.runtime.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.plan.model.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An object of a tokenizer's file, whose keys are read with their types checked; a key that is null
 * counts as absent.
 *
 * @param where the path of keys to it, for messages
 */
record Component(Path file, String where, JsonNode node) {
  boolean has(String key) {
    return node.hasNonNull(key);
  }

  String type() throws ModelFormatException {
    return text("type");
  }

  String text(String key) throws ModelFormatException {
    if (!has(key) || !node.get(key).isTextual()) {
      throw wrong(key, "must be a text");
    }
    return node.get(key).textValue();
  }

  String text(String key, String otherwise) throws ModelFormatException {
    return has(key) ? text(key) : otherwise;
  }

  boolean flag(String key, boolean otherwise) throws ModelFormatException {
    if (!has(key)) {
      return otherwise;
    }
    if (!node.get(key).isBoolean()) {
      throw wrong(key, "must be true or false");
    }
    return node.get(key).booleanValue();
  }

  int integer(String key) throws ModelFormatException {
    if (!has(key)) {
      throw wrong(key, "is missing");
    }
    return natural(node.get(key), key);
  }

  /** A number that counts or names something: 0 .. 2^24. */
  int natural(JsonNode value, String key) throws ModelFormatException {
    if (!value.isIntegralNumber()
        || !value.canConvertToInt()
        || value.intValue() < 0
        || value.intValue() > 1 << 24) {
      throw wrong(key, "must be a natural number");
    }
    return value.intValue();
  }

  Component child(String key) throws ModelFormatException {
    return optionalChild(key).orElseThrow(() -> wrong(key, "is missing"));
  }

  Optional<Component> optionalChild(String key) throws ModelFormatException {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!node.get(key).isObject()) {
      throw wrong(key, "must be an object");
    }
    return Optional.of(new Component(file, name(key), node.get(key)));
  }

  /** The objects of a list; none where the key is absent. */
  List<Component> children(String key) throws ModelFormatException {
    var children = new ArrayList<Component>();
    if (has(key)) {
      if (!node.get(key).isArray()) {
        throw wrong(key, "must be a list");
      }
      for (var child : node.get(key)) {
        if (!child.isObject()) {
          throw wrong(key, "must hold objects");
        }
        children.add(new Component(file, name(key) + "[" + children.size() + "]", child));
      }
    }
    return children;
  }

  ModelFormatException unsupported(String what) {
    return new ModelFormatException("%s: %s: %s is not supported".formatted(file, where, what));
  }

  ModelFormatException wrong(String key, String what) {
    return new ModelFormatException("%s: %s %s".formatted(file, name(key), what));
  }

  private String name(String key) {
    return where.isEmpty() ? key : where + "." + key;
  }
}
