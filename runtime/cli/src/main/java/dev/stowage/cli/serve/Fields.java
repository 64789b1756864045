package dev.stowage.cli.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The fields of a JSON object that a client sent. Every field is asked for by what may be in it; a
 * field that nobody asked for is refused in the end. {@code null} is as good as no field.
 */
final class Fields {
  private static final int DEEPEST = 32;

  static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEEPEST)
                          .maxNumberLength(64)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final String place;
  private final JsonNode object;
  private final Set<String> asked = new HashSet<>();

  private Fields(String place, JsonNode object) {
    this.place = place;
    this.object = object;
  }

  /** Reads the body of a request. */
  static Fields parse(byte[] body) {
    JsonNode node;
    try {
      var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
      node = MAPPER.readTree(text);
    } catch (CharacterCodingException e) {
      throw ApiError.badRequest(null, "the body is not UTF-8 text");
    } catch (JsonProcessingException e) {
      throw ApiError.badRequest(null, "the body is not JSON: " + abridged(e.getOriginalMessage()));
    }
    if (node == null || !node.isObject()) {
      throw ApiError.badRequest(null, "the body is not a JSON object");
    }
    return new Fields("", node);
  }

  /** The fields of an object within. */
  static Fields of(String place, JsonNode node) {
    if (!node.isObject()) {
      throw ApiError.badRequest(place, place + " is an object");
    }
    return new Fields(place + ".", node);
  }

  /** What a field holds, or a missing node. */
  JsonNode get(String name) {
    asked.add(name);
    var node = object.get(name);
    return node == null || node.isNull() ? MissingNode.getInstance() : node;
  }

  Optional<String> text(String name) {
    var node = get(name);
    return node.isMissingNode() ? Optional.empty() : Optional.of(text(place + name, node));
  }

  /** A text of whole characters. */
  static String text(String place, JsonNode node) {
    if (!node.isTextual()) {
      throw ApiError.badRequest(place, place + " is a text");
    }
    var text = node.textValue();
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw ApiError.badRequest(place, place + " has half a character: a lone surrogate");
    }
    return text;
  }

  boolean flag(String name) {
    var node = get(name);
    if (!node.isMissingNode() && !node.isBoolean()) {
      throw ApiError.badRequest(place + name, place + name + " is true or false");
    }
    return node.booleanValue();
  }

  OptionalLong whole(String name, long least, long most) {
    var node = get(name);
    return node.isMissingNode()
        ? OptionalLong.empty()
        : OptionalLong.of(whole(place + name, node, least, most));
  }

  static long whole(String place, JsonNode node, long least, long most) {
    if (!node.isIntegralNumber()
        || !node.canConvertToLong()
        || node.longValue() < least
        || node.longValue() > most) {
      throw ApiError.badRequest(
          place, "%s is a whole number from %d to %d".formatted(place, least, most));
    }
    return node.longValue();
  }

  double number(String name, double least, double most, double fallback) {
    var node = get(name);
    if (node.isMissingNode()) {
      return fallback;
    }
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= least && value <= most)) {
      throw ApiError.badRequest(
          place + name, "%s%s is a number from %s to %s".formatted(place, name, least, most));
    }
    return value;
  }

  /**
   * Refuses a field of the interface that is not carried out, unless it says what is done anyway.
   */
  void only(String name, String value) {
    var node = get(name);
    if (!node.isMissingNode() && !same(node, value)) {
      throw ApiError.badRequest(
          place + name, "%s%s: only %s is supported".formatted(place, name, value));
    }
  }

  private static boolean same(JsonNode node, String value) {
    return node.isNumber() && Character.isDigit(value.charAt(0))
        ? node.doubleValue() == Double.parseDouble(value)
        : node.toString().equals(value);
  }

  /** Refuses all fields that were not asked for. */
  void refuseOthers() {
    for (var field : object.properties()) {
      if (!asked.contains(field.getKey())) {
        var name = place + abridged(field.getKey());
        throw ApiError.badRequest(name, "the field '%s' is not supported".formatted(name));
      }
    }
  }

  private static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 79) + "…";
  }
}
