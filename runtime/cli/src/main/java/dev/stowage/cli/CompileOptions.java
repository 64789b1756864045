package dev.stowage.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What a compilation is told besides the file. */
final class CompileOptions {
  @Option(
      names = "--set",
      paramLabel = "NAME=VALUE",
      description = "Gives a parameter of the plan a value; may be repeated.")
  private Map<String, String> values = new LinkedHashMap<>();

  @Option(names = "--variant", paramLabel = "NAME", description = "Compiles a variant of the plan.")
  private String variant;

  @Option(
      names = "--locked",
      description = "Fails if what is compiled differs from the lock file beside the plan.")
  private boolean locked;

  Map<String, String> values() {
    return values;
  }

  Optional<String> variant() {
    return Optional.ofNullable(variant);
  }

  boolean locked() {
    return locked;
  }

  /** Refuses what only the compilation of a source can honour. */
  void refuse(String given) {
    String option = !values.isEmpty() ? "--set" : variant != null ? "--variant" : "--locked";
    if (!values.isEmpty() || variant != null || locked) {
      throw Failure.usage("%s is for .stow files, not for %s".formatted(option, given));
    }
  }
}
