package dev.stowage.compiler.migrate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** A tool's configuration file, which may hold anything. */
final class ConfigFile {
  private static final int MOST_BYTES = 1 << 20;
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(32)
                          .maxNumberLength(40)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private ConfigFile() {}

  /** The object in a file of at most 1 MiB. */
  static JsonNode json(String name, Path directory) {
    try {
      var file = directory.resolve(name);
      if (!Files.isRegularFile(file)) {
        throw new ImportException(name + ": no such file");
      }
      byte[] bytes;
      try (var in = Files.newInputStream(file)) {
        bytes = in.readNBytes(MOST_BYTES + 1);
      }
      if (bytes.length > MOST_BYTES) {
        throw new ImportException(name + ": more than 1 MiB");
      }
      var root = MAPPER.readTree(bytes);
      if (!root.isObject()) {
        throw new ImportException(name + ": not a JSON object");
      }
      return root;
    } catch (JsonProcessingException e) {
      throw new ImportException("%s: %s".formatted(name, e.getOriginalMessage()));
    } catch (IOException | InvalidPathException e) {
      throw new ImportException("%s cannot be read: %s".formatted(name, e.getMessage()));
    }
  }
}
