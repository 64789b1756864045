package dev.stowage.compiler;

import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * What a compilation is told besides the text.
 *
 * @param values parameters by name, as written on a command line: {@code batchSize=64}
 * @param variant the variant to compile; empty for the plan as it stands
 * @param longestPrompt a prompt that has to fit, longer than the plan's workload says; empty to
 *     keep to the plan
 */
public record Settings(
    Map<String, String> values, Optional<String> variant, OptionalInt longestPrompt) {
  public Settings {
    values = java.util.Collections.unmodifiableMap(new TreeMap<>(values));
    Objects.requireNonNull(variant);
    Objects.requireNonNull(longestPrompt);
  }

  /** The plan as it stands. */
  public static Settings none() {
    return new Settings(Map.of(), Optional.empty(), OptionalInt.empty());
  }
}
