package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * What the compiler decided, in a small file beside the source that people can compare: {@code
 * FILE.lock}. One entry for each variant and set of parameters that was compiled.
 */
final class LockFile {
  private static final int LARGEST = 16 << 20;

  private LockFile() {}

  /** Writes or replaces the entry of these options. */
  static void write(Path file, CompileOptions options, Planned planned, Console console) {
    var path = path(file, console);
    var lock = Files.exists(path) ? read(file, path) : Json.result();
    var entries = lock.withObject("/entries");
    entries.set(key(options), entry(planned));
    var sorted = Json.result();
    var target = sorted.putObject("entries");
    for (var name : new TreeSet<>(names(entries))) {
      target.set(name, entries.get(name));
    }
    try {
      String text = Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(sorted) + "\n";
      AtomicFile.write(path, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Failure.machine("%s.lock cannot be written: %s".formatted(file, e));
    }
  }

  /** Fails unless the entry of these options says what was just compiled. */
  static void require(Path file, CompileOptions options, Planned planned, Console console) {
    var path = path(file, console);
    if (!Files.exists(path)) {
      throw new Failure(
          Exit.EXPECTATION_FAILED,
          "--locked, but there is no %s.lock; 'stowage compile %s' writes it"
              .formatted(file, file));
    }
    var locked = read(file, path).path("entries").path(key(options));
    if (locked.isMissingNode()) {
      throw new Failure(
          Exit.EXPECTATION_FAILED,
          "--locked, but %s.lock has no entry for %s".formatted(file, key(options)));
    }
    var compiled = entry(planned);
    if (!locked.equals(reread(compiled))) {
      throw new Failure(
          Exit.EXPECTATION_FAILED,
          "--locked, but %s compiles differently than %s.lock says: %s"
              .formatted(file, file, String.join("; ", differences("", locked, compiled))));
    }
  }

  private static Path path(Path file, Console console) {
    return console.resolve(file.resolveSibling(file.getFileName() + ".lock"));
  }

  private static String key(CompileOptions options) {
    var words = new ArrayList<String>();
    words.add(options.variant().map(name -> "variant " + name).orElse("plan"));
    new java.util.TreeMap<>(options.values())
        .forEach((name, value) -> words.add(name + "=" + value));
    return String.join(" ", words);
  }

  private static ObjectNode entry(Planned planned) {
    var report = new PlanReport(planned).json();
    report.remove(List.of("schemaVersion", "busy", "prices"));
    return report;
  }

  private static ObjectNode read(Path file, Path path) {
    try {
      if (Files.size(path) > LARGEST) {
        throw new Failure(Exit.PLAN_ERRORS, "%s.lock is too large for a lock file".formatted(file));
      }
      var node = Json.MAPPER.readTree(Files.readAllBytes(path));
      if (node instanceof ObjectNode lock
          && lock.path("schemaVersion").asInt() == 1
          && lock.path("entries").isObject()) {
        return lock;
      }
      throw new Failure(
          Exit.PLAN_ERRORS,
          "%s.lock is not a lock file of this version; remove it".formatted(file));
    } catch (JsonProcessingException e) {
      throw new Failure(
          Exit.PLAN_ERRORS,
          "%s.lock is damaged: %s; remove it".formatted(file, e.getOriginalMessage()));
    } catch (IOException e) {
      throw Failure.machine("%s.lock cannot be read: %s".formatted(file, e));
    }
  }

  /** As it would be read back, so that numbers compare. */
  private static JsonNode reread(ObjectNode node) {
    try {
      return Json.MAPPER.readTree(Json.MAPPER.writeValueAsBytes(node));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> differences(String at, JsonNode locked, JsonNode compiled) {
    if (locked.isObject() && compiled.isObject()) {
      var found = new ArrayList<String>();
      var names = new TreeSet<>(names(locked));
      names.addAll(names(compiled));
      for (var name : names) {
        found.addAll(
            differences(
                at.isEmpty() ? name : at + "." + name, locked.path(name), compiled.path(name)));
      }
      return found;
    }
    return locked.toString().equals(compiled.toString())
        ? List.of()
        : List.of("%s was %s, is %s".formatted(at, shown(locked), shown(compiled)));
  }

  private static String shown(JsonNode node) {
    String text = node.isMissingNode() ? "nothing" : node.toString();
    return text.length() <= 60 ? text : text.substring(0, 59) + "…";
  }

  private static List<String> names(JsonNode object) {
    var names = new ArrayList<String>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }
}
