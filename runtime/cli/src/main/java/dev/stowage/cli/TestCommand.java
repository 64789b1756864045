package dev.stowage.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage test}: whether a plan, its variants and its tests are as they expect. */
@Command(
    name = "test",
    description = "Runs a plan's own tests: its expect lines, those of every variant, every test.",
    mixinStandardHelpOptions = true)
final class TestCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  TestCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    PlanKind.requireSource(file, console);
    if (options.locked()) {
      throw Failure.usage("--locked does not go with test: tests decide other things");
    }
    return PlanTester.run(file, options, format, console).code();
  }
}
