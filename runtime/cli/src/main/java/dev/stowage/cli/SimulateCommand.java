package dev.stowage.cli;

import dev.stowage.compiler.simulate.Simulator;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage simulate}: a full block of a plan on a virtual clock. */
@Command(
    name = "simulate",
    description = "Runs a plan on a virtual clock: lanes, what waits for what, memory over time.",
    mixinStandardHelpOptions = true)
final class SimulateCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file or a .stowplan.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--trace",
      paramLabel = "OUT",
      description = "Also writes a Chrome trace of one prefill and one decode sweep.")
  private Path trace;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  SimulateCommand(Console console) {
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
    var timeline = Simulator.simulate(planned.plan(), planned.schedule());
    var report = new SimulationReport(planned.plan(), timeline);
    if (trace != null) {
      report.trace().write(trace, console);
    }
    switch (format) {
      case HUMAN -> console.out().print(report.human());
      case JSON -> Json.print(report.json(), console);
    }
    return Exit.GOOD.code();
  }
}
