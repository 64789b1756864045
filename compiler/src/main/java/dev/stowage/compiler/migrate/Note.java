package dev.stowage.compiler.migrate;

import java.util.Objects;

/**
 * Something that a plan does not carry over as it was.
 *
 * @param flag as the user wrote it, on one line
 * @param why what becomes of it
 */
public record Note(String flag, String why) {
  public Note {
    Objects.requireNonNull(flag);
    Objects.requireNonNull(why);
  }
}
