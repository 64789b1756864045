package dev.stowage.plan.verify;

import java.util.Objects;

/**
 * An invariant that a plan or a schedule breaks.
 *
 * @param where the part of the plan, in the words of its text
 * @param message what is so, and what should be
 */
public record Violation(String where, String message) {
  public Violation {
    Objects.requireNonNull(where);
    Objects.requireNonNull(message);
  }

  @Override
  public String toString() {
    return where + ": " + message;
  }
}
