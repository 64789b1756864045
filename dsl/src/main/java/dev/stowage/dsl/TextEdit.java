package dev.stowage.dsl;

import java.util.Objects;

/** Replaces the text of a span; an empty span inserts. */
public record TextEdit(SourceSpan span, String newText) {
  public TextEdit {
    Objects.requireNonNull(span, "span");
    Objects.requireNonNull(newText, "newText");
  }
}
