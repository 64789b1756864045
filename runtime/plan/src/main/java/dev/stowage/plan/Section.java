package dev.stowage.plan;

import java.util.List;

/**
 * Steps that a pass takes once ({@code layers} empty), or once for every layer of a range.
 *
 * @param name unique in its plan: {@code embed}, {@code layers}, {@code head}, …
 */
public record Section(String name, Range layers, List<Step> steps) {
  public Section {
    if (!name.matches("[A-Za-z_][A-Za-z0-9_.-]*")) {
      throw new IllegalArgumentException("not a section's name: '" + name + "'");
    }
    steps = List.copyOf(steps);
  }

  /** How often a pass takes the steps. */
  public int repeats() {
    return layers.isEmpty() ? 1 : layers.size();
  }
}
