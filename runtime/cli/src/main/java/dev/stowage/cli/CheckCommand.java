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

  @Parameters(index = "0", arity = "0..1", paramLabel = "FILE", description = "A .stow file.")
  private Path file;

  @Option(
      names = "--explain",
      paramLabel = "CODE",
      description = "Prints what a code such as SW301 means and how to mend it; needs no FILE.")
  private String code;

  @Option(
      names = "--fix",
      description = "Mends in FILE what has one answer only, then checks what is left.")
  private boolean fix;

  @Option(names = "--dry-run", description = "With --fix: prints the changes, writes nothing.")
  private boolean dryRun;

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
    if (code != null) {
      return CodePrinter.print(code, console).code();
    }
    if (file == null) {
      throw Failure.usage("a FILE or --explain CODE is due");
    }
    PlanKind.requireSource(file, console);
    if (dryRun && !fix) {
      throw Failure.usage("--dry-run goes with --fix");
    }
    if (fix) {
      var mending = new Mending(file, options, console);
      if (dryRun) {
        return mending.show().code();
      }
      mending.apply();
    }
    return PlanCompiler.check(file, options, format, console).code();
  }
}
