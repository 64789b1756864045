package dev.stowage.cli;

import dev.stowage.dsl.StowParser;
import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Reads and replaces the text of a source. */
final class SourceText {
  private SourceText() {}

  /** The text of a file; one that cannot be read, or is none, ends the command. */
  static String read(Path file, Console console) {
    return switch (StowParser.text(console.resolve(file))) {
      case StowParser.Text.Readable(var text) -> text;
      case StowParser.Text.Unreadable(var why) -> {
        new DiagnosticPrinter(console, java.util.Map.of()).print(java.util.List.of(why));
        throw new Failure(Exit.PLAN_ERRORS);
      }
    };
  }

  /** Replaces a file, or leaves it as it is. */
  static void write(Path file, String text, Console console) {
    try {
      AtomicFile.write(console.resolve(file), text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be written: %s".formatted(file, e));
    }
  }
}
