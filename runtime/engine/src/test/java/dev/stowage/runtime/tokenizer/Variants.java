package dev.stowage.runtime.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The tokenizers of {@code src/test/resources/tokenizers}. */
final class Variants {
  static final ObjectMapper JSON = new ObjectMapper();

  private Variants() {}

  static JsonNode resource(String name) {
    try (var in = Variants.class.getResourceAsStream("/tokenizers/" + name)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<String> names() {
    return StreamSupport.stream(resource("variants.json").spliterator(), false)
        .map(variant -> variant.get("name").textValue());
  }

  static JsonNode variant(String name) {
    return StreamSupport.stream(resource("variants.json").spliterator(), false)
        .filter(variant -> variant.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** A variant as a {@code tokenizer.json}. */
  static ObjectNode file(String name) {
    var variant = variant(name);
    var file = JSON.createObjectNode();
    for (var key :
        new String[] {"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
      file.set(key, variant.get(key));
    }
    return file.set("model", resource("models.json").get(variant.get("model").textValue()));
  }
}
