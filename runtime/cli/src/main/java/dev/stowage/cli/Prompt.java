package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.cli.GenerationOptions.Generation;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.text.Amount;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** Something to continue, and how. */
sealed interface Prompt {
  Generation generation();

  /** A text, for the model's tokenizer. */
  record Text(String text, Generation generation) implements Prompt {}

  /** Token ids as they are. */
  record Ids(int[] ids, Generation generation) implements Prompt {}

  /** The most a file of requests may hold. */
  long LARGEST_FILE = 256L << 20;

  Set<String> FIELDS =
      Set.of(
          "prompt",
          "prompt_ids",
          "max_tokens",
          "temperature",
          "top_k",
          "top_p",
          "seed",
          "stop",
          "logprobs");

  /** The most of the likeliest tokens that a request may ask for beside every token. */
  int MOST_LOGPROBS = 100;

  /** Reads ids as a command line gives them: {@code 2,5,7}. */
  static int[] ids(String option, String list) {
    var parts = list.strip().split("\\s*,\\s*", -1);
    var ids = new int[parts.length];
    for (int i = 0; i < ids.length; i++) {
      try {
        ids[i] = Integer.parseInt(parts[i]);
      } catch (NumberFormatException e) {
        throw Failure.usage(
            "%s: '%s' is no token id; ids are numbers with commas between, such as 2,5,7"
                .formatted(option, abridged(parts[i])));
      }
      if (ids[i] < 0) {
        throw Failure.usage("%s: %d is no token id: ids are 0 or more".formatted(option, ids[i]));
      }
    }
    return ids;
  }

  /** Refuses ids that a user gave and the model does not have. */
  static int[] checked(String where, int[] ids, ModelShape shape) {
    for (int id : ids) {
      if (id >= shape.vocabulary()) {
        throw Failure.usage(
            "%s: the id %d is outside the model's vocabulary of %d"
                .formatted(where, id, shape.vocabulary()));
      }
    }
    return ids;
  }

  /** Reads a whole text file, in UTF-8. */
  static String readText(Path file, Console console) {
    var path = console.resolve(file);
    if (!Files.isRegularFile(path)) {
      throw Failure.usage("%s: no such file".formatted(file));
    }
    try {
      if (Files.size(path) > LARGEST_FILE) {
        throw Failure.usage("%s is larger than %s".formatted(file, Amount.bytes(LARGEST_FILE)));
      }
      var decoder = StandardCharsets.UTF_8.newDecoder();
      return decoder.decode(ByteBuffer.wrap(Files.readAllBytes(path))).toString();
    } catch (CharacterCodingException e) {
      throw Failure.usage("%s is not UTF-8 text".formatted(file));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be read: %s".formatted(file, e.getMessage()));
    }
  }

  /** Reads requests: one JSON object a line. */
  static List<Prompt> readRequests(Path file, Generation defaults, Console console) {
    var prompts = new ArrayList<Prompt>();
    try (var in = RequestFile.open(file, defaults, console)) {
      for (var next = in.next(); next.isPresent(); next = in.next()) {
        prompts.add(next.get());
      }
    }
    if (prompts.isEmpty()) {
      throw Failure.usage("%s has no requests".formatted(file));
    }
    return prompts;
  }

  /** Reads one request. */
  static Prompt request(String place, String line, Generation defaults) {
    JsonNode node;
    try {
      node = Json.MAPPER.readTree(line);
    } catch (JsonProcessingException e) {
      throw Failure.usage("%s: not JSON: %s".formatted(place, abridged(e.getOriginalMessage())));
    }
    if (node == null || !node.isObject()) {
      throw Failure.usage("%s: a request is a JSON object".formatted(place));
    }
    for (var field : node.properties()) {
      if (!FIELDS.contains(field.getKey())) {
        throw Failure.usage(
            "%s: a request has no field '%s'; it may have %s"
                .formatted(
                    place,
                    abridged(field.getKey()),
                    String.join(", ", FIELDS.stream().sorted().toList())));
      }
    }
    if (node.has("prompt") == node.has("prompt_ids")) {
      throw Failure.usage("%s: a request has either a prompt or prompt_ids".formatted(place));
    }
    var generation = generation(place, node, defaults);
    if (node.has("prompt")) {
      return new Text(string(place, "prompt", node.get("prompt")), generation);
    }
    var array = node.get("prompt_ids");
    if (!array.isArray() || array.isEmpty()) {
      throw Failure.usage("%s: prompt_ids is a list of token ids".formatted(place));
    }
    var ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (int) whole(place, "prompt_ids", array.get(i), 0, Integer.MAX_VALUE);
    }
    return new Ids(ids, generation);
  }

  private static Generation generation(String place, JsonNode node, Generation defaults) {
    var sampling = defaults.sampling();
    var maxTokens =
        node.has("max_tokens")
            ? OptionalInt.of(
                (int) whole(place, "max_tokens", node.get("max_tokens"), 0, Integer.MAX_VALUE))
            : defaults.maxTokens();
    double temperature = number(place, "temperature", node, sampling.temperature());
    double topP = number(place, "top_p", node, sampling.topP());
    int topK =
        node.has("top_k")
            ? (int) whole(place, "top_k", node.get("top_k"), 0, Integer.MAX_VALUE)
            : sampling.topK();
    long seed =
        node.has("seed")
            ? whole(place, "seed", node.get("seed"), Long.MIN_VALUE, Long.MAX_VALUE)
            : sampling.seed();
    var logprobs =
        node.has("logprobs")
            ? OptionalInt.of((int) whole(place, "logprobs", node.get("logprobs"), 0, MOST_LOGPROBS))
            : defaults.logprobs();
    try {
      return Generation.of(
          maxTokens,
          temperature,
          topK,
          topP,
          seed,
          stops(place, node.get("stop"), defaults),
          logprobs);
    } catch (Failure e) {
      throw Failure.usage(place + ": " + e.getMessage());
    }
  }

  private static List<String> stops(String place, JsonNode node, Generation defaults) {
    if (node == null) {
      return defaults.stops();
    }
    var stops = new ArrayList<String>();
    if (node.isArray()) {
      node.forEach(stop -> stops.add(string(place, "stop", stop)));
    } else {
      stops.add(string(place, "stop", node));
    }
    return stops;
  }

  private static String string(String place, String field, JsonNode node) {
    if (!node.isTextual()) {
      throw Failure.usage("%s: %s is a text".formatted(place, field));
    }
    return node.textValue();
  }

  private static double number(String place, String field, JsonNode object, double fallback) {
    var node = object.get(field);
    if (node == null) {
      return fallback;
    }
    if (!node.isNumber()) {
      throw Failure.usage("%s: %s is a number".formatted(place, field));
    }
    return node.doubleValue();
  }

  private static long whole(String place, String field, JsonNode node, long least, long most) {
    if (!node.isIntegralNumber()
        || !node.canConvertToLong()
        || node.longValue() < least
        || node.longValue() > most) {
      throw Failure.usage(
          "%s: %s takes whole numbers from %d to %d".formatted(place, field, least, most));
    }
    return node.longValue();
  }

  private static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 79) + "…";
  }
}
