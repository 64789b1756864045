package dev.stowage.dsl;

import java.util.List;
import java.util.Objects;

/** A way out of a {@link Diagnostic}, as edits that do not overlap. */
public record Fix(String title, List<TextEdit> edits) {
  public Fix {
    Objects.requireNonNull(title, "title");
    edits = List.copyOf(edits);
  }

  /** One replacement. */
  public static Fix replace(String title, SourceSpan span, String newText) {
    return new Fix(title, List.of(new TextEdit(span, newText)));
  }
}
