package dev.stowage.compiler.migrate;

import java.nio.file.Path;
import java.util.List;

/** Reads one tool's flags or configuration. */
public sealed interface Importer
    permits FlexGenImporter, LlamaCppImporter, AccelerateImporter, DeepSpeedImporter, VllmImporter {
  /**
   * Makes a plan of a tool's command line.
   *
   * @param words the words after the tool's name; a configuration file stands as a word where the
   *     tool has one
   * @param hardware the machine that the flags do not tell of
   * @param directory what relative paths start from
   * @throws ImportException where a value is wrong, or what is needed is missing
   */
  Imported read(List<String> words, Hardware hardware, Path directory);

  /**
   * The importer of a tool.
   *
   * @throws ImportException where there is none
   */
  static Importer of(String tool) {
    return switch (tool) {
      case "flexgen" -> new FlexGenImporter();
      case "llama.cpp" -> new LlamaCppImporter();
      case "accelerate" -> new AccelerateImporter();
      case "deepspeed" -> new DeepSpeedImporter();
      case "vllm" -> new VllmImporter();
      default ->
          throw new ImportException(
              "--from: '%s' is none of flexgen, llama.cpp, accelerate, deepspeed, vllm"
                  .formatted(tool));
    };
  }
}
