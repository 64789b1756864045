package dev.stowage.compiler.explain;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads what {@code stowage run --format json} printed: the metrics of a run. */
public final class RunFile {
  private static final long LARGEST = 256L << 20;
  private static final int MOST_LANES = 1000;

  private RunFile() {}

  /** The text is not what a run prints. */
  public static final class FormatException extends Exception {
    private static final long serialVersionUID = 1L;

    FormatException(String message) {
      super(message);
    }
  }

  /**
   * Reads a file.
   *
   * @throws FormatException that says in one line what is wrong with it
   */
  public static Measured read(Path file) throws IOException, FormatException {
    if (Files.size(file) > LARGEST) {
      throw new FormatException("it is too large for the result of a run");
    }
    JsonNode root;
    try {
      root = JsonReport.MAPPER.readTree(Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new FormatException("it is not UTF-8 text");
    } catch (JsonProcessingException e) {
      throw new FormatException("it is not JSON: " + e.getOriginalMessage());
    }
    var metrics = root.path("metrics");
    if (root.path("schemaVersion").asInt() != 1 || !metrics.isObject()) {
      throw new FormatException("it is not what 'stowage run --format json' prints");
    }
    return new Measured(
        count(metrics, "prompt_tokens"),
        count(metrics, "generated_tokens"),
        count(metrics, "decode_tokens"),
        number(metrics, "first_token_s"),
        number(metrics, "prefill_s"),
        number(metrics, "decode_s"),
        number(metrics, "prefill_tok_per_s"),
        number(metrics, "decode_tok_per_s"),
        number(metrics, "throughput_tok_per_s"),
        metrics.path("kernels").asText(""),
        metrics.path("emulated").asBoolean(),
        lanes(metrics.path("lanes")));
  }

  /** None in what an older version printed. */
  private static List<Measured.Lane> lanes(JsonNode list) throws FormatException {
    var lanes = new ArrayList<Measured.Lane>();
    for (var node : list) {
      if (!node.path("name").isTextual() || lanes.size() == MOST_LANES) {
        throw new FormatException("metrics.lanes is no list of lanes");
      }
      lanes.add(
          new Measured.Lane(
              node.path("name").textValue(),
              number(node, "prefill_busy_s"),
              number(node, "decode_busy_s")));
    }
    return lanes;
  }

  private static long count(JsonNode metrics, String name) throws FormatException {
    var node = metrics.path(name);
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      throw new FormatException("metrics.%s is no count".formatted(name));
    }
    return node.longValue();
  }

  private static double number(JsonNode metrics, String name) throws FormatException {
    var node = metrics.path(name);
    if (!node.isNumber() || !(node.doubleValue() >= 0) || Double.isInfinite(node.doubleValue())) {
      throw new FormatException("metrics.%s is no amount".formatted(name));
    }
    return node.doubleValue();
  }
}
