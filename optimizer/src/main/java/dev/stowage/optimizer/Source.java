package dev.stowage.optimizer;

import java.util.Objects;

/**
 * The place in a plan's source that a bound comes from. The optimizer only carries it along, so
 * that an answer or a conflict can name the user's own statements.
 *
 * @param file as the reader of the plan knows it
 * @param offset characters before the statement
 * @param length characters of the statement
 * @param text the statement in the user's words
 */
public record Source(String file, int offset, int length, String text) {
  public Source {
    Objects.requireNonNull(file);
    Objects.requireNonNull(text);
    if (offset < 0 || length < 0) {
      throw new IllegalArgumentException("a statement at %d of %d".formatted(offset, length));
    }
  }
}
