package dev.stowage.bundle;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** What was found: a line each on the terminal as it comes, and all of it as JSON at the end. */
final class Results {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private final ObjectNode root = JSON.createObjectNode();
  private final ArrayNode checks = JSON.createArrayNode();
  private int failed;
  private int skipped;

  /** What one check does; it puts its numbers into the node. */
  @FunctionalInterface
  interface Check {
    /**
     * @return whether it passed
     */
    boolean run(ObjectNode numbers) throws Exception;
  }

  ObjectNode root() {
    return root;
  }

  /** Runs a check. One that throws has failed, with its message. */
  void check(String group, String name, Check check) {
    var node = checks.addObject().put("group", group).put("name", name);
    long began = System.nanoTime();
    boolean passed = false;
    try {
      passed = check.run(node);
    } catch (Exception | AssertionError | LinkageError e) {
      node.put("error", e.toString());
    }
    node.put("passed", passed).put("seconds", (System.nanoTime() - began) * 1e-9);
    failed += passed ? 0 : 1;
    System.out.printf("%s  %s: %s%n", passed ? "ok    " : "FAILED", group, brief(node));
  }

  /** Says what is not checked here, and why. */
  void skip(String group, String name, String reason) {
    checks.addObject().put("group", group).put("name", name).put("skipped", reason);
    skipped++;
    System.out.printf("skipped: %s: %s: %s%n", group, name, reason);
  }

  private static String brief(ObjectNode node) {
    var text = new StringBuilder(node.get("name").asText());
    for (var entry : node.properties()) {
      switch (entry.getKey()) {
        case "group", "name", "passed", "seconds" -> {}
        default -> {
          var value = entry.getValue();
          text.append("  ")
              .append(entry.getKey())
              .append('=')
              .append(value.isDouble() ? "%.4g".formatted(value.asDouble()) : value.asText());
        }
      }
    }
    return text.toString();
  }

  int failed() {
    return failed;
  }

  void write(Path file) throws IOException {
    int run = checks.size() - skipped;
    root.put("checks_run", run).put("checks_failed", failed).put("checks_skipped", skipped);
    root.put("passed", run > 0 && failed == 0);
    root.set("checks", checks);
    var written = file.resolveSibling(file.getFileName() + ".tmp");
    Files.write(written, JSON.writeValueAsBytes(root));
    Files.move(written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
