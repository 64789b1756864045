package dev.stowage.plan.model;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads untrusted JSON files: bounded in size, depth and numbers, without duplicate keys. */
public final class JsonFile {
  private static final int DEPTH = 64;
  private static final int STRING = 4 << 20;
  private static final int NAME = 1 << 16;
  private static final int NUMBER = 100;

  static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(DEPTH)
                  .maxStringLength(STRING)
                  .maxNameLength(NAME)
                  .maxNumberLength(NUMBER)
                  .build())
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .build();

  private static final ObjectMapper MAPPER =
      new ObjectMapper(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonFile() {}

  /**
   * The object a file holds.
   *
   * @param maxBytes longest file accepted
   */
  public static JsonNode read(Path file, long maxBytes) throws ModelFormatException {
    return parse(file, bytes(file, maxBytes));
  }

  static JsonNode parse(Path file, byte[] bytes) throws ModelFormatException {
    try {
      var node = MAPPER.readTree(bytes);
      if (!node.isObject()) {
        throw new ModelFormatException("%s: holds no JSON object".formatted(file));
      }
      return node;
    } catch (IOException e) {
      throw new ModelFormatException("%s: %s".formatted(file, reason(e)), e);
    }
  }

  /** All bytes of a regular file that is at most so long. */
  static byte[] bytes(Path file, long maxBytes) throws ModelFormatException {
    if (!Files.isRegularFile(file)) {
      throw new ModelFormatException("%s: no such file".formatted(file));
    }
    try (var in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(Math.toIntExact(maxBytes + 1));
      if (bytes.length > maxBytes) {
        throw new ModelFormatException(
            "%s: longer than the %d bytes accepted here".formatted(file, maxBytes));
      }
      return bytes;
    } catch (IOException e) {
      throw new ModelFormatException("%s: %s".formatted(file, reason(e)), e);
    }
  }

  /** What failed, without the excerpt of the source that Jackson adds on lines of its own. */
  static String reason(IOException e) {
    return switch (e) {
      case JsonProcessingException json when json.getLocation() != null ->
          "not valid JSON at line %d, column %d: %s"
              .formatted(
                  json.getLocation().getLineNr(),
                  json.getLocation().getColumnNr(),
                  json.getOriginalMessage());
      case JsonProcessingException json -> "not valid JSON: " + json.getOriginalMessage();
      default -> "cannot be read: " + e;
    };
  }
}
