package dev.stowage.compiler.migrate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A tool's configuration file, which may hold anything. */
final class ConfigFile {
  private static final int MOST_BYTES = 1 << 20;
  private static final StreamReadConstraints BOUNDS =
      StreamReadConstraints.builder().maxNestingDepth(32).maxNumberLength(40).build();
  private static final ObjectMapper JSON =
      strict(JsonMapper.builder(JsonFactory.builder().streamReadConstraints(BOUNDS).build()));
  private static final ObjectMapper YAML =
      strict(YAMLMapper.builder(YAMLFactory.builder().streamReadConstraints(BOUNDS).build()));

  private ConfigFile() {}

  private static ObjectMapper strict(MapperBuilder<?, ?> builder) {
    return builder
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .build();
  }

  /** The object in a JSON file of at most 1 MiB. */
  static JsonNode json(String name, Path directory) {
    return object(JSON, "a JSON object", name, directory);
  }

  /** The flags that a YAML file of at most 1 MiB stands for: each key is the long name of one. */
  static List<String> flags(String name, Path directory) {
    var words = new ArrayList<String>();
    for (var entry : object(YAML, "a YAML mapping", name, directory).properties()) {
      var value = entry.getValue();
      String flag = "--" + entry.getKey().replace('_', '-');
      if (value.isArray()) {
        words.add(flag);
        value.forEach(one -> words.add(text(one)));
      } else {
        words.add(flag + "=" + text(value));
      }
    }
    return List.copyOf(words);
  }

  private static String text(JsonNode value) {
    return value.isContainerNode() ? value.toString() : value.asText();
  }

  private static JsonNode object(ObjectMapper mapper, String what, String name, Path directory) {
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
      var root = mapper.readTree(bytes);
      if (!root.isObject()) {
        throw new ImportException("%s: not %s".formatted(name, what));
      }
      return root;
    } catch (JsonProcessingException e) {
      throw new ImportException("%s: %s".formatted(name, e.getOriginalMessage()));
    } catch (IOException | InvalidPathException e) {
      throw new ImportException("%s cannot be read: %s".formatted(name, e.getMessage()));
    }
  }
}
