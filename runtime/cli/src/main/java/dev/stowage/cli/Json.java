package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Results as JSON: one object, versioned, with units in its keys. */
final class Json {
  static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /** An object that says its version first. */
  static ObjectNode result() {
    return MAPPER.createObjectNode().put("schemaVersion", 1);
  }

  static void print(ObjectNode result, Console console) {
    console.out().print(text(result));
  }

  /** One line. */
  static String text(ObjectNode result) {
    try {
      return MAPPER.writeValueAsString(result) + System.lineSeparator();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
