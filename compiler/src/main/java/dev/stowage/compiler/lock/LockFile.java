package dev.stowage.compiler.lock;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A lock file: JSON, an entry for each variant and set of parameters that was compiled.
 *
 * @param entries by {@link #key}
 */
public record LockFile(SortedMap<String, Decisions> entries) {
  private static final int VERSION = 2;
  private static final long LARGEST = 16 << 20;
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  /** What a number looks like in the file: as {@link Decisions} writes it, so unquoted. */
  private static final String NUMBER =
      "0|-?[1-9][0-9]{0,17}|-?(0|[1-9][0-9]{0,17})\\.[0-9]{0,39}[1-9]";

  private static final int MOST_DIGITS = 60;

  public LockFile {
    entries = Collections.unmodifiableSortedMap(new TreeMap<>(entries));
  }

  /** A text is not a lock file. */
  public static final class FormatException extends Exception {
    private static final long serialVersionUID = 1L;

    FormatException(String message) {
      super(message);
    }
  }

  /** A lock file without entries. */
  public static LockFile empty() {
    return new LockFile(Collections.emptySortedMap());
  }

  /** The lock file that lies beside a source, there or not. */
  public static Path beside(Path source) {
    return source.resolveSibling(source.getFileName() + ".lock");
  }

  /** The name of an entry: {@code plan}, {@code variant csd batchSize=64}. */
  public static String key(Settings settings) {
    var key = new StringBuilder(settings.variant().map(name -> "variant " + name).orElse("plan"));
    settings
        .values()
        .forEach((name, value) -> key.append(' ').append(name).append('=').append(value));
    return key.toString();
  }

  public Optional<Decisions> entry(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  /** The same with an entry added or replaced. */
  public LockFile with(String key, Decisions decisions) {
    var more = new TreeMap<>(entries);
    more.put(key, decisions);
    return new LockFile(more);
  }

  /**
   * Reads a file.
   *
   * @throws FormatException that says in a few words what is wrong with it
   */
  public static LockFile read(Path path) throws IOException, FormatException {
    if (Files.size(path) > LARGEST) {
      throw new FormatException("it is too large for a lock file");
    }
    try {
      return parse(Files.readString(path));
    } catch (CharacterCodingException e) {
      throw new FormatException("it is damaged: it is not UTF-8 text");
    }
  }

  /** Reads a text. */
  public static LockFile parse(String text) throws FormatException {
    JsonNode root;
    try {
      root = MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new FormatException("it is damaged: " + e.getOriginalMessage());
    }
    if (!root.path("schemaVersion").isInt()
        || root.path("schemaVersion").intValue() != VERSION
        || !root.path("entries").isObject()) {
      throw new FormatException("it is not a lock file of this version");
    }
    var entries = new TreeMap<String, Decisions>();
    for (var entry : root.path("entries").properties()) {
      var node = entry.getValue();
      entries.put(
          entry.getKey(),
          new Decisions(
              words(node.path("inputs")),
              words(node.path("made_by")),
              words(node.path("decisions"))));
    }
    return new LockFile(entries);
  }

  private static SortedMap<String, String> words(JsonNode node) throws FormatException {
    if (!node.isObject()) {
      throw new FormatException("it is damaged: an entry lacks what was decided");
    }
    var words = new TreeMap<String, String>();
    for (var property : node.properties()) {
      var value = property.getValue();
      if (!value.isTextual() && !value.isNumber()) {
        throw new FormatException(
            "it is damaged: %s is neither a word nor a number".formatted(property.getKey()));
      }
      words.put(property.getKey(), value.isTextual() ? value.textValue() : number(value));
    }
    return words;
  }

  private static String number(JsonNode value) throws FormatException {
    var number = value.decimalValue();
    if (Math.abs((long) number.scale()) > MOST_DIGITS || number.precision() > MOST_DIGITS) {
      throw new FormatException("it is damaged: a number has too many digits");
    }
    return number.toPlainString();
  }

  /** Replaces the file as a whole. */
  public void write(Path path) throws IOException {
    AtomicFile.write(path, text().getBytes(StandardCharsets.UTF_8));
  }

  /** The file's text: the same for the same entries, with a line for every decision. */
  public String text() {
    var text = new StringBuilder();
    text.append("{\n  \"schemaVersion\": ").append(VERSION).append(",\n  \"entries\": {");
    for (var entries = entries().entrySet().iterator(); entries.hasNext(); ) {
      var entry = entries.next();
      text.append("\n    ").append(quoted(entry.getKey())).append(": {");
      append(text, "inputs", entry.getValue().inputs()).append(',');
      append(text, "made_by", entry.getValue().madeBy()).append(',');
      append(text, "decisions", entry.getValue().decided());
      text.append("\n    }").append(entries.hasNext() ? "," : "");
    }
    return text.append(entries.isEmpty() ? "}" : "\n  }").append("\n}\n").toString();
  }

  private static StringBuilder append(
      StringBuilder text, String name, SortedMap<String, String> words) {
    text.append("\n      \"").append(name).append("\": {");
    for (Iterator<Map.Entry<String, String>> all = words.entrySet().iterator(); all.hasNext(); ) {
      var one = all.next();
      String value = one.getValue().matches(NUMBER) ? one.getValue() : quoted(one.getValue());
      text.append("\n        ").append(quoted(one.getKey())).append(": ").append(value);
      text.append(all.hasNext() ? "," : "");
    }
    return text.append(words.isEmpty() ? "}" : "\n      }");
  }

  private static String quoted(String word) {
    return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(word)) + '"';
  }
}
