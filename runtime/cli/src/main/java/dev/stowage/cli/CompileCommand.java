package dev.stowage.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage compile}: from a source to a plan that runs without compiler or solver. */
@Command(
    name = "compile",
    description = "Compiles a plan; writes OUT.stowplan and the lock file beside the source.",
    mixinStandardHelpOptions = true)
final class CompileCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file.")
  private Path file;

  @Option(
      names = "-o",
      paramLabel = "OUT",
      description = "Where the plan goes, with or without .stowplan; default: beside FILE.")
  private Path out;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  CompileCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    PlanKind.requireSource(file, console);
    return PlanCompiler.write(file, target(), options, format, console).code();
  }

  private Path target() {
    if (out == null) {
      return withEnding(file.resolveSibling(stem(file)));
    }
    return out.toString().endsWith(".stowplan") ? out : withEnding(out);
  }

  private static String stem(Path file) {
    String name = file.getFileName().toString();
    return name.substring(0, name.length() - ".stow".length());
  }

  private static Path withEnding(Path path) {
    return path.resolveSibling(path.getFileName() + ".stowplan");
  }
}
