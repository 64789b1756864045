package dev.stowage.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage check}: is the plan right, and is there a placement that keeps all it says? */
@Command(
    name = "check",
    description = "Checks a plan: language, machine, feasibility, expectations.",
    mixinStandardHelpOptions = true)
final class CheckCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  CheckCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    PlanKind.requireSource(file, console);
    return PlanCompiler.check(file, options, format, console).code();
  }
}
