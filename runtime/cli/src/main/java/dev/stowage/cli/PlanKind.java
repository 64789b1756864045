package dev.stowage.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** The two forms in which a plan is given. */
enum PlanKind {
  SOURCE,
  COMPILED;

  /** Told by the name's ending. */
  static PlanKind of(Path file, Console console) {
    String name = file.toString();
    boolean compiled = name.endsWith(".stowplan");
    if (!compiled && !name.endsWith(".stow")) {
      throw Failure.usage(
          "%s: neither a .stow file nor a .stowplan (a model's folder is named with --model)"
              .formatted(file));
    }
    if (!Files.isRegularFile(console.resolve(file))) {
      throw Failure.usage("%s: no such file".formatted(file));
    }
    return compiled ? COMPILED : SOURCE;
  }

  /** A file that has to be a plan's source. */
  static void requireSource(Path file, Console console) {
    if (of(file, console) == COMPILED) {
      throw Failure.usage("%s is compiled already; this command reads .stow files".formatted(file));
    }
  }
}
