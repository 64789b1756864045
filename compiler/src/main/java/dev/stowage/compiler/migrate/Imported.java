package dev.stowage.compiler.migrate;

import java.util.List;
import java.util.Objects;

/**
 * What an import yields.
 *
 * @param planText a laid-out plan, whose comments say where each statement comes from
 * @param notes what it does not carry over as it was; the plan's comments say so too
 */
public record Imported(String planText, List<Note> notes) {
  public Imported {
    Objects.requireNonNull(planText);
    notes = List.copyOf(notes);
  }
}
