package dev.stowage.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage explain}: what goes where, why, and what it is expected to yield. */
@Command(
    name = "explain",
    description = "Explains a plan: shares, bytes, schedule, prediction, what limits it.",
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file or a .stowplan.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  ExplainCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    var planned =
        switch (PlanKind.of(file, console)) {
          case COMPILED -> {
            options.refuse(file.toString());
            yield CompiledPlan.read(file, console);
          }
          case SOURCE -> PlanCompiler.compile(file, options, 0, console);
        };
    var report = new PlanReport(planned);
    switch (format) {
      case HUMAN -> console.out().print(report.human());
      case JSON -> Json.print(report.json(), console);
    }
    return (planned.expectationMissed() ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }
}
