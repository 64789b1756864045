package dev.stowage.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage whatif}: what changes from one plan to another. */
@Command(
    name = "whatif",
    description =
        "Compares two plans, or a plan with itself under --set or --variant: decisions, bytes, prediction, limits.",
    mixinStandardHelpOptions = true)
final class WhatIfCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(index = "0", paramLabel = "A", description = "A .stow file or a .stowplan.")
  private Path a;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "B",
      description = "Another; default: A. --set and --variant are for B alone.")
  private Path b;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  WhatIfCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (options.locked()) {
      throw Failure.usage("whatif compares plans; --locked is for commands that use one");
    }
    boolean changed = !options.values().isEmpty() || options.variant().isPresent();
    if (b == null && !changed) {
      throw Failure.usage("name a second plan, or say with --set or --variant what changes");
    }
    var other = b == null ? a : b;
    var first = PlanCompiler.open(a, new CompileOptions(), console);
    var second = PlanCompiler.open(other, options, console);
    console.out().print(PlanReport.compare(a.toString(), first, name(other), second, format));
    boolean missed = first.expectationMissed() || second.expectationMissed();
    return (missed ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  private String name(Path file) {
    var words = new ArrayList<String>();
    words.add(file.toString());
    options.variant().ifPresent(variant -> words.add("variant " + variant));
    options.values().forEach((name, value) -> words.add(name + "=" + value));
    return String.join(" ", words);
  }
}
