package dev.stowage.compiler.migrate;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.util.List;

/** A plan in other tools' words. */
public final class Exports {
  private Exports() {}

  /**
   * The tool's nearest flags, with comments that say what differs.
   *
   * @throws ImportException where no plan can be written for the tool
   */
  public static String of(String tool, ExecutablePlan plan, Schedule schedule) {
    return switch (tool) {
      case "flexgen" -> FlexGenExport.of(plan, schedule);
      case "llama.cpp" -> LlamaCppExport.of(plan);
      case "accelerate" -> AccelerateExport.of(plan);
      default ->
          throw new ImportException(
              "--as: '%s' is none of flexgen, llama.cpp, accelerate".formatted(tool));
    };
  }

  /** Comments of a shell, then one command. */
  static String text(String command, List<String> flags, List<String> said) {
    var text = new StringBuilder();
    said.forEach(line -> text.append("# ").append(Flags.printable(line)).append('\n'));
    text.append(command);
    flags.forEach(flag -> text.append(" \\\n  ").append(flag));
    return text.append('\n').toString();
  }

  /** One word of a shell. */
  static String word(String text) {
    return text.matches("[A-Za-z0-9_./@%+=:,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
