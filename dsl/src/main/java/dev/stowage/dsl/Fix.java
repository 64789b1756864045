package dev.stowage.dsl;

import java.util.List;
import java.util.Objects;

/**
 * A way out of a {@link Diagnostic}, as edits that do not overlap.
 *
 * @param title what it does, for a menu
 * @param edits in any order
 * @param preferred whether this is what nearly everybody wants, so that it may be applied without
 *     asking (see {@link Repair})
 */
public record Fix(String title, List<TextEdit> edits, boolean preferred) {
  public Fix {
    Objects.requireNonNull(title, "title");
    edits = List.copyOf(edits);
  }

  /** One that somebody has to choose. */
  public Fix(String title, List<TextEdit> edits) {
    this(title, edits, false);
  }

  /** One replacement that somebody has to choose. */
  public static Fix replace(String title, SourceSpan span, String newText) {
    return new Fix(title, List.of(new TextEdit(span, newText)));
  }

  /** The same, to be applied without asking. */
  public Fix asPreferred() {
    return new Fix(title, edits, true);
  }
}
