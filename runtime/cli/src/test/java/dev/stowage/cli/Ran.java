package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** What a command did. */
record Ran(int exit, String out, String err) {
  static final Path TINY_OPT =
      Path.of("../../examples/models/tiny-opt").toAbsolutePath().normalize();

  /** Runs a command of this process, in a folder. */
  static Ran stowage(Path directory, String... args) {
    return stowage(directory, new Interrupt(), args);
  }

  static Ran stowage(Path directory, Interrupt interrupt, String... args) {
    var out = new ByteArrayOutputStream();
    return stowage(directory, interrupt, out, args);
  }

  static Ran stowage(
      Path directory, Interrupt interrupt, ByteArrayOutputStream out, String... args) {
    var err = new ByteArrayOutputStream();
    var console =
        new Console(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            directory,
            interrupt);
    int exit = Main.run(args, console);
    return new Ran(
        exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  JsonNode json() throws IOException {
    return Json.MAPPER.readTree(out);
  }

  Ran exits(Exit expected) {
    assertEquals(expected.code(), exit, this::toString);
    return this;
  }

  /** Nothing on standard output; one line for the user, and no stack trace. */
  Ran saysOneLine() {
    assertEquals("", out);
    assertEquals(1, err.lines().filter(line -> !line.startsWith("  ")).count(), this::toString);
    assertFalse(err.contains("\tat ") || err.contains("    at ") || err.contains("bug"), err);
    return this;
  }
}
