package dev.stowage.compiler.migrate;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.model.ModelShapes;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Which model a tool's name for it means. */
record Models(String statement, String plan, Optional<ModelShape> shape) {
  private static final List<String> ENDINGS = List.of("-hf", "-instruct", "-chat", "-base");

  /**
   * A GGUF file, a folder, or a public shape.
   *
   * @throws ImportException where it is none of them
   */
  static Models of(String flag, String given, List<Note> notes) {
    String last = given.substring(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1);
    String plan = plan(last);
    if (last.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
      return new Models("model m = gguf " + Flags.quoted(given), plan, Optional.empty());
    }
    String name = shapeName(last);
    var shape = ModelShapes.find(name);
    if (shape.isPresent()) {
      notes.add(
          new Note(
              Flags.printable(flag + " " + given),
              "planned as a shape; to run it, write model m = hf \"FOLDER\" with the weights' folder"));
      return new Models("model m = shape " + name, plan, shape);
    }
    if (given.startsWith("/") || given.startsWith("./") || given.startsWith("../")) {
      return new Models("model m = hf " + Flags.quoted(given), plan, Optional.empty());
    }
    throw new ImportException(
        "%s: '%s' is no model that can be planned by name; give a folder, a .gguf file, or one of %s"
            .formatted(flag, Flags.printable(given), String.join(" ", ModelShapes.names())));
  }

  private static String shapeName(String last) {
    String name = last.toLowerCase(Locale.ROOT).replaceFirst("^meta-", "");
    name = name.replaceFirst("-v[0-9.]+$", "");
    for (String ending : ENDINGS) {
      if (name.endsWith(ending)) {
        name = name.substring(0, name.length() - ending.length());
      }
    }
    return name.replaceFirst("-v[0-9.]+$", "");
  }

  /** A plan's name of what letters and digits there are. */
  private static String plan(String last) {
    String name = last.replaceFirst("(?i)\\.gguf$", "").replaceAll("[^A-Za-z0-9]+", "_");
    return "imported_" + (name.length() <= 40 ? name : name.substring(0, 40));
  }
}
