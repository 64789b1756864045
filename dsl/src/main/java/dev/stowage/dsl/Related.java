package dev.stowage.dsl;

import java.util.Objects;

/** Another place that a {@link Diagnostic} is about, and what it has to do with it. */
public record Related(SourceSpan span, String note) {
  public Related {
    Objects.requireNonNull(span, "span");
    Objects.requireNonNull(note, "note");
  }
}
