package dev.stowage.cli;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Severity;
import dev.stowage.dsl.SourceSpan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Prints diagnostics for people: place, message, the line of source with a caret, ways out. */
final class DiagnosticPrinter {
  private static final int WIDEST = 160;

  private final Console console;
  private final Map<String, List<String>> files = new HashMap<>();

  /**
   * @param texts sources that are in no file, by the name that spans give them
   */
  DiagnosticPrinter(Console console, Map<String, String> texts) {
    this.console = console;
    texts.forEach((name, text) -> files.put(name, text.lines().toList()));
  }

  void print(List<Diagnostic> diagnostics) {
    for (var diagnostic : diagnostics) {
      print(diagnostic);
    }
  }

  private void print(Diagnostic diagnostic) {
    var err = console.err();
    String severity = diagnostic.severity().name().toLowerCase(Locale.ROOT);
    err.println(
        place(diagnostic.span())
            + ": "
            + coloured(severity + " " + diagnostic.code(), diagnostic.severity())
            + ": "
            + diagnostic.message());
    excerpt(diagnostic.span());
    for (var related : diagnostic.related()) {
      err.println("    " + place(related.span()) + ": " + related.note());
    }
    if (!diagnostic.fixes().isEmpty()) {
      var titles = diagnostic.fixes().stream().map(fix -> fix.title()).toList();
      err.println("    fixes: " + String.join(" · ", titles));
    }
  }

  /** The line, and a caret under each of the span's characters in it. */
  private void excerpt(SourceSpan span) {
    var lines = files.computeIfAbsent(span.file(), DiagnosticPrinter::lines);
    if (span.length() == 0 && span.offset() == 0 || span.line() > lines.size()) {
      return;
    }
    String line = lines.get(span.line() - 1);
    if (line.length() > WIDEST || span.column() > line.length() + 1) {
      return;
    }
    int width = Math.max(1, Math.min(span.length(), line.length() - span.column() + 1));
    String indent = line.substring(0, span.column() - 1).replaceAll("[^\t]", " ");
    String number = Integer.toString(span.line());
    console.err().println("  " + number + " | " + line);
    console.err().println("  " + " ".repeat(number.length()) + " | " + indent + "^".repeat(width));
  }

  private static List<String> lines(String file) {
    try {
      return new String(Files.readAllBytes(Path.of(file)), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException | InvalidPathException e) {
      return List.of(); // an entry of the library, or gone meanwhile: the place alone has to do
    }
  }

  private String place(SourceSpan span) {
    String file = span.file();
    if (!file.startsWith("lib:")) {
      var directory = console.directory().toAbsolutePath().normalize();
      var path = Path.of(file);
      file = path.startsWith(directory) ? directory.relativize(path).toString() : file;
    }
    return file + ":" + span.line() + ":" + span.column();
  }

  private String coloured(String text, Severity severity) {
    if (!console.colour()) {
      return text;
    }
    int colour =
        switch (severity) {
          case ERROR -> 31;
          case WARNING -> 33;
          case INFO -> 36;
        };
    return "\u001b[1;" + colour + "m" + text + "\u001b[0m";
  }
}
