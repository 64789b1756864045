package dev.stowage.dsl;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * What is wrong with a plan, where, and how to mend it. Made by every stage, printed alike by the
 * command line, the build and the editor.
 *
 * @param code stable name of the rule: {@code SW} and three digits, of which the first is the group
 *     (0 syntax, 1 names, types and units, 2 hardware and model facts, 3 feasibility, 4 lint, 5
 *     approximation, 6 expectations, 7 portability)
 * @param severity whether the plan can still be compiled
 * @param span the text it is about
 * @param message what was found, what was expected, by how much, what to do next
 * @param related other places that take part
 * @param fixes ways out, best first
 */
public record Diagnostic(
    String code,
    Severity severity,
    SourceSpan span,
    String message,
    List<Related> related,
    List<Fix> fixes) {
  private static final int LONGEST = 1_500;

  public Diagnostic {
    Objects.requireNonNull(severity, "severity");
    Objects.requireNonNull(span, "span");
    Objects.requireNonNull(message, "message");
    if (!code.matches("SW[0-9]{3}")) {
      throw new IllegalArgumentException("not a diagnostic code: " + code);
    }
    if (message.length() > LONGEST) {
      message = message.substring(0, LONGEST) + "…"; // it quotes something absurd
    }
    related = List.copyOf(related);
    fixes = List.copyOf(fixes);
  }

  public static Diagnostic error(String code, SourceSpan span, String message) {
    return new Diagnostic(code, Severity.ERROR, span, message, List.of(), List.of());
  }

  public static Diagnostic warning(String code, SourceSpan span, String message) {
    return new Diagnostic(code, Severity.WARNING, span, message, List.of(), List.of());
  }

  /** The same with one more place. */
  public Diagnostic withRelated(SourceSpan place, String note) {
    var places = new ArrayList<>(related);
    places.add(new Related(place, note));
    return new Diagnostic(code, severity, span, message, places, fixes);
  }

  /** The same with one more way out. */
  public Diagnostic withFix(Fix fix) {
    var all = new ArrayList<>(fixes);
    all.add(fix);
    return new Diagnostic(code, severity, span, message, related, all);
  }

  /** The same, mattering more or less. */
  public Diagnostic withSeverity(Severity other) {
    return new Diagnostic(code, other, span, message, related, fixes);
  }

  public boolean isError() {
    return severity == Severity.ERROR;
  }

  /**
   * For people: the message with its place in front, then one indented line per related place and
   * one for the fixes. Files below {@code directory} are named relative to it.
   */
  public String render(Path directory) {
    var text = new StringBuilder();
    text.append(place(span, directory)).append(": ");
    text.append(severity.name().toLowerCase(Locale.ROOT)).append(' ').append(code);
    text.append(": ").append(message);
    for (Related other : related) {
      text.append("\n    ").append(place(other.span(), directory));
      text.append(": ").append(other.note());
    }
    if (!fixes.isEmpty()) {
      text.append("\n    fixes: ");
      text.append(String.join(" · ", fixes.stream().map(Fix::title).toList()));
    }
    return text.toString();
  }

  private static String place(SourceSpan span, Path directory) {
    return shown(span.file(), directory) + ":" + span.line() + ":" + span.column();
  }

  private static String shown(String file, Path directory) {
    if (file.startsWith("lib:")) {
      return file;
    }
    Path base = directory.toAbsolutePath().normalize();
    Path path = Path.of(file);
    return path.startsWith(base) ? base.relativize(path).toString() : file;
  }
}
